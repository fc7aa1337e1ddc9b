/**
 * Everything that keeps the real daemon from starting: the exact words on standard
 * error, exit status 1, no process left, nothing bound, no socket file.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { unlessMountable } from "./mounts.ts";
import { endOf } from "./peer-program.ts";
import { MAIL_UID, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const PROGRAM = new URL("../../bin/smtpd", import.meta.url).pathname;
const skip = await unlessStartable();
const unlessRoot = skip || (!RUNS_AS_ROOT && "needs root");

/** As those are called that the daemon runs. */
const OTHERS_PROGRAMS = [
  "dirname",
  "env",
  "find",
  "flock",
  "getent",
  "logger",
  "mkdir",
  "prlimit",
  "readlink",
  "rm",
  "setpriv",
  "systemd-notify",
  "true",
  "uname",
  "unshare",
];

/** A daemon that ends by itself, or is ended by the test. */
class Attempt {
  readonly child: ChildProcess;
  readonly #errors: Promise<string>;
  readonly #seen = new Set<number>();

  constructor(args: readonly string[], cwd: string) {
    this.child = spawn(PROGRAM, args, { stdio: ["ignore", "ignore", "pipe"], cwd });
    if (this.child.stderr === null) throw new Error("Cannot read what smtpd says");
    this.#errors = text(this.child.stderr);
    const look = setInterval(() => {
      for (const { pid } of processesOf(this.child.pid ?? 0)) this.#seen.add(pid);
    }, 20);
    this.child.once("exit", () => clearInterval(look));
  }

  async end(): Promise<{ readonly code: number; readonly errors: string }> {
    const code = await endOf(this.child);
    const errors = await this.#errors;
    await until(() => [...this.#seen].every((pid) => !existsSync(`/proc/${pid}`)), "end of all");
    return { code, errors };
  }
}

interface Start {
  /** What stands behind the listeners, or in their place. */
  readonly configuration: (port: number, folder: string) => readonly string[];
  readonly prepare?: (folder: string) => void;
  /** Someone else listens there. */
  readonly portIsTaken?: boolean;
  readonly state?: string;
  readonly says: (folder: string, port: number) => string;
}

const RULES: readonly string[] = [
  `action "d" maildir "/nonexistent/%{dest.user}" user "${MAIL_USER}"`,
  'match from any for any action "d"',
  "compat none",
];
const GOOD = (port: number): readonly string[] => [`listen on 127.0.0.1 port ${port}`, ...RULES];

async function fails(start: Start): Promise<void> {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const port = await freePort();
  await using running = new AsyncDisposableStack();
  if (start.portIsTaken === true) running.use(await listener(port));
  start.prepare?.(folder);
  writeFileSync(`${folder}/smtpd.conf`, `${start.configuration(port, folder).join("\n")}\n`);
  const attempt = new Attempt(
    ["-d", "-f", "smtpd.conf", "--state", `${folder}/${start.state ?? "state"}`],
    folder,
  );
  const { code, errors } = await attempt.end();
  assert.equal(errors, `${start.says(folder, port)}\n`);
  assert.equal(code, 1);
  if (start.portIsTaken !== true) assert.equal(await isListening(port), false, "the port is free");
  assert.ok(
    !existsSync(`${folder}/${start.state ?? "state"}/private/control.sock`),
    "no control socket",
  );
  assert.ok(!existsSync(`${folder}/a.sock`), "no socket of a listener");
}

function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect(port, "127.0.0.1");
  probe.once("connect", () => resolve(true));
  probe.once("error", () => resolve(false));
  return promise.finally(() => probe.destroy());
}

/** Another program, on `port`. */
async function listener(port: number): Promise<AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

test(
  "a configuration with several faults: each with its place, and nothing started",
  {
    skip,
  },
  () =>
    fails({
      configuration: (port) => [
        `listen on 127.0.0.1 port ${port}`,
        "listn on 127.0.0.1",
        'action "d" maildir "%{bad}"',
        "match from any for any action nope",
      ],
      says: () =>
        [
          "smtpd.conf:2:1: unexpected 'listn', expected a statement or NAME = VALUE",
          "  listn on 127.0.0.1",
          "  ^",
          "  did you mean 'listen'?",
          "smtpd.conf:3:20: unknown format specifier: %{bad}",
          '  action "d" maildir "%{bad}"',
          "                     ^",
        ].join("\n"),
    }),
);

test("a port in use, behind a listener that was bound already", { skip }, () =>
  fails({
    configuration: (port, folder) => [`listen on socket "${folder}/a.sock"`, ...GOOD(port)],
    portIsTaken: true,
    says: (_, port) =>
      `smtpd: smtpd.conf:2: cannot listen on 127.0.0.1:${port}: it is in use by another program`,
  }),
);

test("an address that this machine does not have", { skip }, () =>
  fails({
    configuration: (port) => [`listen on 192.0.2.55 port ${port}`, ...GOOD(port)],
    says: (_, port) => `smtpd: smtpd.conf:1: Cannot bind 192.0.2.55:${port}: address not available`,
  }),
);

test("a user of an action who does not exist", { skip }, () =>
  fails({
    configuration: (port) => [
      `listen on 127.0.0.1 port ${port}`,
      'action "d" maildir "/nonexistent" user "no-such-user"',
      'match from any for any action "d"',
      "compat none",
    ],
    says: () => 'smtpd.conf:2:1: user no-such-user of action "d" does not exist',
  }),
);

test("a state folder that is a file", { skip }, () =>
  fails({
    configuration: GOOD,
    prepare: (folder) => writeFileSync(`${folder}/state`, ""),
    says: (folder) =>
      `smtpd: cannot prepare the state folder ${folder}/state: EEXIST: file already exists, mkdir '${folder}/state'`,
  }),
);

test(
  "a state folder of another user, who has a link in the place of the spool",
  {
    skip: unlessRoot,
  },
  () =>
    fails({
      configuration: GOOD,
      prepare: (folder) => {
        mkdirSync(`${folder}/mine`, { mode: 0o700 });
        mkdirSync(`${folder}/state`);
        symlinkSync(`${folder}/mine`, `${folder}/state/spool`);
        chownSync(`${folder}/state`, MAIL_UID, MAIL_UID);
      },
      says: (folder) =>
        `smtpd: cannot use the state folder ${folder}/state: it belongs to uid ${MAIL_UID}, and root starts smtpd`,
    }),
);

test("a state folder that all may write to", { skip: unlessRoot }, () =>
  fails({
    configuration: GOOD,
    prepare: (folder) => {
      mkdirSync(`${folder}/state`);
      chmodSync(`${folder}/state`, 0o1777);
    },
    says: (folder) =>
      `smtpd: cannot use the state folder ${folder}/state: others than root may write there`,
  }),
);

test("a spool that the queue's user cannot reach", { skip: unlessRoot }, () =>
  fails({
    configuration: GOOD,
    prepare: (folder) => {
      mkdirSync(`${folder}/private`, { mode: 0o700 });
    },
    state: "private/state",
    says: (folder) =>
      `smtpd: cannot use the spool ${folder}/private/state/spool: ` +
      `EACCES: permission denied, open '${folder}/private/state/spool/lock'`,
  }),
);

test("a journal that can be read and not written", { skip: unlessRoot }, () =>
  fails({
    configuration: GOOD,
    prepare: (folder) => {
      mkdirSync(`${folder}/state`, { mode: 0o711 });
      mkdirSync(`${folder}/state/spool/journal`, { recursive: true, mode: 0o755 });
    },
    says: (folder) =>
      `smtpd: cannot use the spool ${folder}/state/spool: ` +
      `EACCES: permission denied, open '${folder}/state/spool/journal/.probe'`,
  }),
);

for (const { what, make } of [
  { what: "a file", make: (path: string) => writeFileSync(path, "kept") },
  { what: "a symbolic link", make: (path: string) => symlinkSync("/etc/passwd", path) },
  { what: "a folder", make: (path: string) => mkdirSync(path) },
]) {
  test(`LOC-10: the path of a socket where ${what} stands, which is left alone`, {
    skip,
  }, async () => {
    await using scratch = new Scratch();
    const path = `${scratch.folder}/taken`;
    make(path);
    writeFileSync(
      `${scratch.folder}/smtpd.conf`,
      [`listen on socket "${path}"`, ...RULES, ""].join("\n"),
    );
    const args = ["-d", "-f", "smtpd.conf", "--state", "state"];
    const { code, errors } = await new Attempt(args, scratch.folder).end();
    assert.equal(
      errors,
      `smtpd: smtpd.conf:1: cannot listen on ${path}: the file there is no socket\n`,
    );
    assert.equal(code, 1);
    assert.ok(readdirSync(scratch.folder).includes("taken"), "it is still there");
  });
}

test("the folder of a socket that is not there", { skip }, () =>
  fails({
    configuration: (port) => ['listen on socket "/nonexistent/a.sock"', ...GOOD(port)],
    says: () =>
      "smtpd: smtpd.conf:1: cannot listen on unix:/nonexistent/a.sock: " +
      "ENOENT: no such file or directory, lstat '/nonexistent'",
  }),
);

test("a second daemon on the same state, and on the same port", { skip }, async () => {
  await using scratch = new Scratch();
  const daemon = await Daemon.start(scratch, RULES);
  const { folder } = scratch;
  for (const [state, says] of [
    ["state", `smtpd: another smtpd answers on ${folder}/state/private/control.sock\n`],
    [
      "other",
      `smtpd: smtpd.conf:1: cannot listen on 127.0.0.1:${daemon.endpoints.port}: it is in use by another program\n`,
    ],
  ]) {
    const args = ["-d", "-f", "smtpd.conf", "--state", `${folder}/${state}`];
    const { code, errors } = await new Attempt(args, folder).end();
    assert.deepEqual([code, errors], [1, says]);
  }
  assert.equal(await isListening(daemon.endpoints.port), true, "the first one goes on");
});

test("a configuration that cannot be read", { skip }, async () => {
  await using scratch = new Scratch();
  mkdirSync(`${scratch.folder}/folder`);
  for (const [file, why] of [
    ["none.conf", "no such file or directory"],
    ["folder", "illegal operation on a directory"],
  ]) {
    const attempt = new Attempt(["-d", "-f", file ?? ""], scratch.folder);
    assert.deepEqual(await attempt.end(), { code: 1, errors: `${file}: cannot read: ${why}\n` });
  }
});

/** What passwd(5) has: a machine where tools/install-users was not run, and one whose root has given out his number. */
const BAD_USERS: readonly {
  readonly name: string;
  readonly change: (users: string) => string;
  readonly errors: string;
}[] = [
  {
    name: "that does not exist",
    change: (users) => users.replaceAll(/^_.*\n/gmu, ""),
    errors: "smtpd: user _smtpd does not exist: run tools/install-users\n",
  },
  {
    name: "with root's number",
    change: (users) => users.replace(/^(_smtpq:[^:]*):\d+:/mu, "$1:0:"),
    errors: "smtpd: user _smtpq has root's number\n",
  },
];

for (const { name, change, errors } of BAD_USERS) {
  test(`a user of the daemon ${name}`, { skip: unlessRoot || unlessMountable() }, async () => {
    await using scratch = new Scratch();
    const { folder } = scratch;
    writeFileSync(`${folder}/smtpd.conf`, `${GOOD(await freePort()).join("\n")}\n`);
    // For this process alone.
    writeFileSync(`${folder}/passwd`, change(readFileSync("/etc/passwd", "utf8")));
    const inItsPlace = 'mount --bind passwd /etc/passwd && exec "$@"';
    const words = ["--mount", "--", "timeout", "20", "sh", "-c", inItsPlace, "sh", PROGRAM];
    const child = spawn("unshare", [...words, "-d", "-f", "smtpd.conf", "--state", "state"], {
      stdio: ["ignore", "ignore", "pipe"],
      cwd: folder,
    });
    assert.equal(await text(child.stderr), errors);
    assert.equal(await endOf(child), 1);
    assert.ok(!existsSync(`${folder}/state`), "nothing was made");
  });
}

test("no program of the caller's PATH is run, whatever it is called", { skip }, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  for (const name of OTHERS_PROGRAMS)
    writeFileSync(`${folder}/${name}`, `#!/bin/sh\necho ${name} >>${folder}/ran\n`, {
      mode: 0o755,
    });
  const lines = [
    `listen on 127.0.0.1 port ${await freePort()}`,
    `listen on socket "${folder}/in.sock" group "mail"`,
    "match from any for any reject",
  ];
  writeFileSync(`${folder}/smtpd.conf`, `${lines.join("\n")}\n`);
  const environment = { PATH: `${folder}:${process.env["PATH"]}`, NOTIFY_SOCKET: `${folder}/none` };
  for (const mode of ["-n", "-F"]) {
    const child = spawn(PROGRAM, [mode, "-f", "smtpd.conf", "--state", "state"], {
      stdio: "ignore",
      cwd: folder,
      env: { ...process.env, ...environment },
    });
    const ended = endOf(child);
    if (mode === "-F") {
      await until(
        () => existsSync(`${folder}/in.sock`) && processesOf(child.pid ?? 0).length > 4,
        "all processes",
      );
      child.kill("SIGTERM");
    }
    await ended;
  }
  assert.ok(!existsSync(`${folder}/ran`), "one was run");
});
