/**
 * `npm start` as a stranger meets it: what it prints is tried as it stands. Run as root
 * it becomes nobody; as anyone else it stays who it is.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, type Finished, run, unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/quickstart", import.meta.url).pathname;
const unlessRoot = RUNS_AS_ROOT ? false : "only root can become somebody else";
const AS_NOBODY = ["setpriv", `--reuid=${MAIL_UID}`, `--regid=${MAIL_GID}`, "--clear-groups"];
const STOP_WITHIN_MS = 10_000;

/** It runs, in a process group of its own as a terminal would give it. */
class Quickstart implements AsyncDisposable {
  readonly stateFolder: string;
  readonly #child: ChildProcess;
  #printed = "";

  private constructor(child: ChildProcess, stateFolder: string) {
    this.#child = child;
    this.stateFolder = stateFolder;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#printed += chunk.toString();
      });
    }
  }

  /** Starts `command` with a state folder named `folder`, and waits until it says how to stop it. */
  static async start(
    scratch: Scratch,
    folder: string,
    command: readonly string[] = [PROGRAM],
  ): Promise<Quickstart> {
    const stateFolder = `${scratch.folder}/${folder}`;
    const [program = "", ...words] = command;
    const port = `${await freePort()}`;
    const child = spawn(program, [...words, "--state", stateFolder, "--port", port], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const quickstart = scratch.use(new Quickstart(child, stateFolder));
    await until(
      () => /Ctrl-C/u.test(quickstart.printed) || child.exitCode !== null,
      "words on how to stop it",
    );
    assert.equal(child.exitCode, null, quickstart.printed);
    return quickstart;
  }

  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The commands that it printed, each as it stands. */
  get commands(): readonly string[] {
    return Array.from(this.#printed.matchAll(/^ {2}(\S.*)$/gmu), ([, command = ""]) => command);
  }

  /** Ctrl-C: SIGINT to everything that the terminal runs. Resolves with the exit status. */
  async interrupt(): Promise<number> {
    const ended = endOf(this.#child);
    process.kill(-this.pid, "SIGINT");
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), STOP_WITHIN_MS);
    await this.interrupt();
    clearTimeout(limit);
  }
}

function shell(command: string): Promise<Finished> {
  return run(["sh", "-c", command]);
}

/** Everything that it prints works, in the order in which it prints it. */
async function tryEverything(quickstart: Quickstart): Promise<void> {
  const { commands } = quickstart;
  const submissions = commands.filter((command) => command.startsWith("printf"));
  assert.equal(submissions.length, 2, quickstart.printed);
  for (const command of submissions) {
    const { code, output } = await shell(command);
    assert.equal(code, 0, `${command}\n${output}`);
    assert.match(output, /^you@example\.org: EOM: 250 2\.0\.0 [0-9a-f]{8} Message accepted/u);
  }
  const list = commands.find((command) => command.startsWith("ls ")) ?? "";
  await until(async () => {
    const { code, output } = await shell(list);
    return code === 0 && output.trim().split("\n").length === submissions.length;
  }, `two files by: ${list}`);
  const trace = commands.find((command) => command.includes("smtpctl")) ?? "";
  await until(async () => {
    const { code, output } = await shell(trace);
    return code === 0 && /: action "mailbox" by rule .*attempt 1: delivered to /su.test(output);
  }, `the life of a message by: ${trace}`);
  assert.equal(commands.length, 4, "every command was tried");
}

/** Ctrl-C ended it: with status 0, without leaving a process or a socket. */
async function endsCleanly(quickstart: Quickstart): Promise<void> {
  const pids = processesOf(quickstart.pid).map(({ pid }) => pid);
  assert.ok(pids.length > 1);
  assert.equal(await quickstart.interrupt(), 0, quickstart.printed);
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), "end of its processes");
  const left = readdirSync(quickstart.stateFolder, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((entry) => entry.isSocket()),
    [],
  );
  assert.doesNotMatch(quickstart.printed, /warn:|Error|starting it again/u);
}

test("what it prints works as it stands, and Ctrl-C ends it", async () => {
  await using scratch = new Scratch();
  if (!RUNS_AS_ROOT) mkdirSync(`${scratch.folder}/state`);
  const quickstart = await Quickstart.start(scratch, "state");
  await tryEverything(quickstart);
  await endsCleanly(quickstart);
});

test("it can be started again on what it left, and the mail is still there", async () => {
  await using scratch = new Scratch();
  const first = await Quickstart.start(scratch, "state");
  await tryEverything(first);
  await endsCleanly(first);
  const second = await Quickstart.start(scratch, "state");
  assert.equal(readdirSync(`${second.stateFolder}/mail/you/new`).length, 2);
  await endsCleanly(second);
});

test("paths with spaces and quotes are printed so that a shell takes them", async () => {
  await using scratch = new Scratch();
  const quickstart = await Quickstart.start(scratch, "it's a folder");
  await tryEverything(quickstart);
});

test("started as root, nothing of it stays root", { skip: unlessRoot }, async () => {
  await using scratch = new Scratch();
  const quickstart = await Quickstart.start(scratch, "state");
  await tryEverything(quickstart);
  for (const { pid } of processesOf(quickstart.pid)) {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    assert.match(status, new RegExp(`^Uid:(\\s+${MAIL_UID}){4}$`, "mu"));
    assert.match(status, new RegExp(`^Groups:\\s*(${MAIL_GID})?\\s*$`, "mu"));
  }
  assert.equal(statSync(quickstart.stateFolder).uid, MAIL_UID);
});

test("an ordinary user can run it in a folder of its own", {
  skip: unlessRoot || unlessInstalled("setpriv"),
}, async () => {
  await using scratch = new Scratch();
  const home = scratch.mailFolder("home");
  const quickstart = await Quickstart.start(scratch, "home/state", [...AS_NOBODY, PROGRAM]);
  await tryEverything(quickstart);
  await endsCleanly(quickstart);
  assert.equal(statSync(`${home}/state`).uid, MAIL_UID);
});

interface Refusal {
  readonly name: string;
  readonly words: (folder: string) => Promise<readonly string[]> | readonly string[];
  readonly says: RegExp;
  readonly skip?: string | false;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "a state folder that belongs to somebody else",
    skip: unlessRoot,
    words: (folder) => {
      mkdirSync(`${folder}/state`);
      chownSync(`${folder}/state`, 12_345, 12_345);
      return [PROGRAM, "--state", `${folder}/state`];
    },
    says: new RegExp(`/state belongs to user number 12345, not to ${MAIL_USER}: `, "u"),
  },
  {
    name: "a state folder that an ordinary user cannot write to",
    skip: unlessRoot || unlessInstalled("setpriv"),
    words: (folder) => {
      mkdirSync(`${folder}/state`);
      return [...AS_NOBODY, PROGRAM, "--state", `${folder}/state`];
    },
    says: /cannot write .*\/state\/smtpd\.conf: .*permission denied/iu,
  },
  {
    name: "a state folder that is a file",
    words: () => [PROGRAM, "--state", "/dev/null"],
    says: /\/dev\/null/u,
  },
  {
    name: "a user that does not exist",
    skip: unlessRoot,
    words: (folder) => [PROGRAM, "--state", `${folder}/state`, "--user", "no-such-user"],
    says: /user no-such-user does not exist/u,
  },
  {
    name: "root as the user",
    skip: unlessRoot,
    words: (folder) => [PROGRAM, "--state", `${folder}/state`, "--user", "root"],
    says: /will not run as root/u,
  },
  {
    name: "another user, without being root",
    skip: unlessRoot || unlessInstalled("setpriv"),
    words: (folder) => [...AS_NOBODY, PROGRAM, "--state", `${folder}/state`, "--user", "mail"],
    says: /--user needs root/u,
  },
];

for (const { name, words, says, skip = false } of REFUSALS) {
  test(`${name} is one clear line`, { skip }, async () => {
    await using scratch = new Scratch();
    const { code, output } = await run(await words(scratch.folder));
    assert.equal(code, 1, output);
    assert.match(output, says);
    assert.match(output, /^postrider: [^\n]*\n$/u);
  });
}

test("a port in use is one clear line", async () => {
  await using scratch = new Scratch();
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address !== "string" ? address.port : 0;
  const words = ["--state", `${scratch.folder}/state`, "--port", `${port}`];
  const { code, output } = await run([PROGRAM, ...words]);
  server.close();
  assert.equal(code, 1, output);
  assert.match(
    output,
    new RegExp(`^postrider: .*127\\.0\\.0\\.1:${port}: it is in use[^\\n]*\\n$`, "u"),
  );
  assert.equal(existsSync(`${scratch.folder}/state/private/control.sock`), false);
});
