/**
 * smtpd(8) as a command: checking a configuration, staying in the foreground, and
 * going to the background.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, type Finished, run } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();
const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const CONTROL_PROGRAM = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** A configuration in a scratch folder, and commands about it. */
class Setup {
  readonly port: number;
  readonly configPath: string;
  readonly stateFolder: string;

  private constructor({ folder }: Scratch, port: number) {
    this.port = port;
    this.configPath = `${folder}/smtpd.conf`;
    this.stateFolder = `${folder}/state`;
  }

  static async make(scratch: Scratch): Promise<Setup> {
    const setup = new Setup(scratch, await freePort());
    const mail = scratch.mailFolder("mail");
    writeFileSync(
      setup.configPath,
      `compat none\nlisten on 127.0.0.1 port ${setup.port}\n` +
        `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}\n` +
        'match from any for any action "deliver"\n',
    );
    return setup;
  }

  get words(): readonly string[] {
    return ["-f", this.configPath, "--state", this.stateFolder];
  }

  smtpctl(...words: readonly string[]): Promise<Finished> {
    return run([CONTROL_PROGRAM, "--state", this.stateFolder, ...words]);
  }

  /** Its parent process, found by its command line. */
  get pid(): number | undefined {
    const isOurs = (pid: string): boolean => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return (
          words.includes(this.stateFolder) && words.some((word) => /smtpd\.[jt]s$/u.test(word))
        );
      } catch {
        return false;
      }
    };
    const pid = readdirSync("/proc").find((name) => /^\d+$/u.test(name) && isOurs(name));
    return pid === undefined ? undefined : Number(pid);
  }

  /** Ends what runs, however the test ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    process.kill(pid, "SIGTERM");
    await until(() => !existsSync(`/proc/${pid}`), "end of the daemon");
  }
}

async function greets(port: number): Promise<string> {
  using session = await SmtpSession.connected({ host: "127.0.0.1", port });
  return await session.reply();
}

test("-n says that the configuration is fine, and starts and makes nothing", async () => {
  await using scratch = new Scratch();
  const setup = await Setup.make(scratch);
  const { code, output } = await run([PROGRAM, "-n", ...setup.words]);
  assert.deepEqual([code, output], [0, "configuration OK\n"]);
  assert.equal(existsSync(setup.stateFolder), false);
});

test("-n names the line of each fault and fails", async () => {
  await using scratch = new Scratch();
  const setup = await Setup.make(scratch);
  writeFileSync(setup.configPath, "listen on nowhere at all\nlisten on 127.0.0.1 port 99999\n");
  const { code, output } = await run([PROGRAM, "-n", ...setup.words]);
  assert.equal(code, 1);
  assert.match(output, /smtpd\.conf:1:/u);
  assert.match(output, /smtpd\.conf:2:/u);
});

test("neither words of the command line nor names and lines of files reach the terminal as they are", async () => {
  await using scratch = new Scratch();
  const folder = `${scratch.folder}/a\u001b[31mb`;
  mkdirSync(folder);
  writeFileSync(`${folder}/smtpd.conf`, "listen \u001b[2J\u202e on\n");
  const odd = "\u001b[31m\u202e";
  const calls = [
    ["-n", "-f", `${folder}/smtpd.conf`],
    ["-n", "-f", `${folder}/none`],
    [`-D${odd}`],
    [odd],
    [`--${odd}`],
    ["-P", odd],
    ["--compat", odd],
    ["-n", "-B", odd],
  ];
  for (const words of calls) {
    const { output } = await run([PROGRAM, ...words]);
    assert.match(output, /^[\n\t\P{C}]+$/u, JSON.stringify(words));
  }
});

test("-h tells the usage and fails, as OpenSMTPD does", async () => {
  const { code, output } = await run([PROGRAM, "-h"]);
  assert.equal(code, 1);
  assert.match(output, /^version: \S+.*\nusage: smtpd /u);
});

test("without -d it goes to the background, and returns once clients are greeted", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using setup = await Setup.make(scratch);
  // As in a shell's $(…): it must let go of the pipe, or this never ends.
  const { code, output } = await run([PROGRAM, ...setup.words]);
  assert.deepEqual([code, output], [0, ""]);
  assert.match(await greets(setup.port), /^220 /u);
  const { pid } = setup;
  assert.ok(pid !== undefined);
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
  assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
  const session = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[3];
  assert.equal(session, `${pid}`, "it is the leader of a session of its own");
  const pids = processesOf(pid).map((each) => each.pid);
  assert.equal((await setup.smtpctl("stop")).code, 0);
  await until(() => pids.every((each) => !existsSync(`/proc/${each}`)), "end of its processes");
});

/** Whether it is what smtpd starts there. */
function isInBackground({ pid }: { readonly pid: number }): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").endsWith("\0-F\0");
  } catch {
    return false;
  }
}

test("SIGHUP while it goes to the background ends nothing, however young what runs there is", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using setup = await Setup.make(scratch);
  const child = spawn(PROGRAM, setup.words, { stdio: "ignore" });
  const isThere = (): boolean => processesOf(child.pid ?? 0).some(isInBackground);
  await until(isThere, "its second process", 10_000, 1);
  child.kill("SIGHUP");
  assert.equal(await endOf(child), 0);
  assert.match(await greets(setup.port), /^220 /u);
  assert.equal((await setup.smtpctl("stop")).code, 0);
});

test("what keeps it from starting in the background is said before it returns", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using setup = await Setup.make(scratch);
  assert.equal((await run([PROGRAM, ...setup.words])).code, 0);
  const second = await run([PROGRAM, ...setup.words]);
  assert.equal(second.code, 1);
  assert.match(second.output, /^smtpd: another smtpd answers on [^\n]*\n$/u);
  assert.match(await greets(setup.port), /^220 /u, "the first one goes on");
});

test("-F stays, and ends at SIGTERM, though its lines go to the system's log", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using setup = await Setup.make(scratch);
  const child = spawn(PROGRAM, ["-F", ...setup.words], { stdio: "ignore" });
  await until(() => isGreeted(setup.port), "greeting");
  assert.equal(await terminated(child), 0);
});

test("the reader of -d may go away: the daemon goes on, and ends as it should", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using setup = await Setup.make(scratch);
  const child = spawn(PROGRAM, ["-d", ...setup.words], { stdio: ["ignore", "pipe", "pipe"] });
  await until(() => isGreeted(setup.port), "greeting");
  child.stdout.destroy();
  child.stderr.destroy();
  for (let n = 0; n < 20; n++) {
    using session = await SmtpSession.inData(
      { host: "127.0.0.1", port: setup.port },
      "a@b.example",
    );
    assert.match(await session.say("Subject: x\r\n\r\nx\r\n."), /^250 /u);
  }
  const roles = processesOf(setup.pid ?? 0).map(({ pid }) => pid);
  assert.ok(roles.length >= 4);
  assert.equal(await terminated(child), 0);
});

async function isGreeted(port: number): Promise<boolean> {
  return (await greets(port)).startsWith("220 ");
}

async function terminated(child: ChildProcess): Promise<number> {
  const ended = endOf(child);
  child.kill("SIGTERM");
  return ended;
}

test("a folder that was removed under its caller keeps no configuration from being checked", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const path = `${scratch.folder}/smtpd.conf`;
  writeFileSync(path, 'action "out" relay\nmatch from local for any action "out"\n');
  const script = `mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec "$2" -n -f "$3"`;
  const checked = await run(["sh", "-c", script, "sh", scratch.folder, PROGRAM, path]);
  assert.match(checked.output, /configuration OK/u);
  assert.equal(checked.code, 0, checked.output);
});
