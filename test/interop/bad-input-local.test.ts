/**
 * Hostile local users, and programs beside the real daemon that answer what they like:
 * who may not, may not; what is planted is not followed; what is garbage costs its own
 * connection. The daemon goes on.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { text } from "node:stream/consumers";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

const skip = await unlessStartable();
const unlessRoot = skip || (!RUNS_AS_ROOT && "needs root: all is one user's otherwise");

let scratch: Scratch;
let daemon: Daemon;
let mail: string;
let state: string;

before(async () => {
  if (skip !== false) return;
  scratch = new Scratch();
  state = `${scratch.folder}/state`;
  mail = scratch.mailFolder("mail");
  daemon = await Daemon.start(scratch, [
    `action "d" maildir "${mail}/%{dest.user}" user "${MAIL_USER}"`,
    `action "lmtp" lmtp "${scratch.folder}/lmtp.sock"`,
    `action "out" relay host "unix:${scratch.folder}/relay.sock"`,
    'match from any for domain "example.test" action "d"',
    'match from any for domain "lmtp.test" action "lmtp"',
    'match from socket for domain "out.test" action "out"',
  ]);
  await resultFor("first");
});

after(async () => {
  if (skip !== false) return;
  assert.doesNotMatch(daemon.log, /starting it again/, "no process died");
  await scratch[Symbol.asyncDispose]();
});

/** Submits over the UNIX-domain listener; returns the reply to RCPT or to the text. */
async function sends(to: string): Promise<string> {
  const opened = await nodeNetwork().connect(
    { kind: "unix", path: daemon.endpoints.socketPath },
    { timeoutMs: 5000 },
  );
  assert.ok(!("code" in opened), "the listener takes connections");
  const client = new HostileClient(opened, nodeClock());
  await client.before("helo");
  await client.write(`MAIL FROM:<a@example.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
  await client.reply();
  const recipient = (await client.reply()) ?? "";
  await client.reply();
  if (recipient.startsWith("2")) await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
  const reply = recipient.startsWith("2") ? ((await client.reply()) ?? "") : recipient;
  client.leave();
  return reply;
}

/** What the first attempt for `user` came to. */
function resultLine(user: string): string | undefined {
  return daemon.log
    .split("\n")
    .find((line) => line.includes(`to=<${user}@example.test>`) && line.includes("result="));
}

/** Sends to `user` at example.test and waits for the result of the first attempt. */
async function resultFor(user: string): Promise<string> {
  assert.match(await sends(`${user}@example.test`), /^250 /);
  await until(() => resultLine(user) !== undefined, `result for ${user}`);
  return (
    /result=(\S+) stat=(.*)$/
      .exec(resultLine(user) ?? "")
      ?.slice(1)
      .join(" ") ?? ""
  );
}

function isDeferred(to: string): boolean {
  return daemon.log
    .split("\n")
    .some((line) => line.includes(`to=<${to}>`) && /result="?TempFail/.test(line));
}

async function smtpctlWorks(): Promise<void> {
  const { code, output } = await run([SMTPCTL, "--state", state, "show", "status"]);
  assert.equal(code, 0, output);
}

test("LOC-08: nobody but root reaches the control socket, the spool and what is private", {
  skip: unlessRoot,
}, () => {
  for (const path of ["private/control.sock", "spool", "private"]) {
    const tried = spawnSync(
      process.execPath,
      [
        "-e",
        `const path = ${JSON.stringify(`${state}/${path}`)};
         path.endsWith(".sock")
           ? require("node:net").connect(path).on("error", (e) => console.log(e.code))
           : require("node:fs").readdir(path, (e) => console.log(e?.code))`,
      ],
      { uid: MAIL_UID, gid: MAIL_GID, encoding: "utf8", cwd: "/" },
    );
    assert.match(tried.stdout.trim(), /^(?:EACCES|EPERM)$/, `${path}: ${tried.stderr}`);
  }
});

for (const [name, bytes] of [
  ["a length of four gigabytes", Buffer.alloc(100, 0xff)],
  ["a frame of nothing", Buffer.alloc(4)],
  ["the start of a frame", Buffer.from([0])],
  [
    "a frame of the largest size",
    Buffer.concat([Buffer.from([0, 0, 32, 0]), Buffer.alloc(8192, 7)]),
  ],
  ["64 kB of zeros", Buffer.alloc(65_536)],
  ["SMTP", Buffer.from("EHLO x\r\n")],
] as const) {
  test(`LOC-07: ${name} on the control socket costs that connection`, { skip }, async () => {
    const socket = connect(`${state}/private/control.sock`);
    socket.on("error", () => undefined);
    socket.write(bytes);
    if (bytes.length === 1) socket.end();
    await text(socket);
    await smtpctlWorks();
  });
}

test("LOC-07: of too many control clients one is sent away, and a thousand that come and go do no harm", {
  skip,
}, async () => {
  const sockets: Socket[] = [];
  for (let n = 0; n < 1000; n++) {
    const socket = connect(`${state}/private/control.sock`);
    socket.on("error", () => undefined);
    socket.write(Buffer.from([0, 0, 0, n % 64]));
    if (n % 20 === 0) sockets.push(socket);
    else socket.destroy();
  }
  assert.match(await sends("while@example.test"), /^250 /);
  for (const socket of sockets) socket.destroy();
  await until(async () => {
    const { code } = await run([SMTPCTL, "--state", state, "show", "status"]);
    return code === 0;
  }, "answer of the control socket");
});

test("BOX-09, ADDR-29: names that lead elsewhere, or nowhere, end in a folder of their own", {
  skip,
}, async () => {
  const users = ['"../../escape"', "/etc/escape", '"..%2fescape"', "%{home}", "~root"];
  for (const user of users) assert.match(await resultFor(user), /^Ok /, user);
  assert.ok(!existsSync(`${scratch.folder}/escape`) && !existsSync("/etc/escape"));
  for (const name of readdirSync(mail))
    assert.deepEqual(readdirSync(`${mail}/${name}`).toSorted(), ["cur", "new", "tmp"]);
});

test("a local part that is too long for any folder bounces at once", { skip }, async () => {
  const user = "x".repeat(200);
  assert.match(await resultFor(user), /^PermFail /);
  assert.ok(!readdirSync(mail).includes(user));
});

for (const { id, name, plant } of [
  {
    id: "BOX-07",
    name: "new/ is a link to a folder of another user",
    plant: (box: string) => symlinkSync(`${scratch.folder}/others`, `${box}/new`),
  },
  {
    id: "BOX-07",
    name: "new/ is a link to nothing",
    plant: (box: string) => symlinkSync("/nonexistent/x", `${box}/new`),
  },
  {
    id: "BOX-07",
    name: "tmp/ is a file",
    plant: (box: string) => writeFileSync(`${box}/tmp`, "x"),
  },
  {
    id: "BOX-07",
    name: "tmp/ is a FIFO",
    plant: (box: string) => execFileSync("mkfifo", [`${box}/tmp`]),
  },
  {
    id: "BOX-07",
    name: "the Maildir cannot be entered",
    plant: (box: string) => chmodSync(box, 0),
  },
]) {
  test(`${id}: where ${name} mail waits, and nothing is written there`, {
    skip: unlessRoot,
  }, async () => {
    const others = `${scratch.folder}/others`;
    if (!existsSync(others)) mkdirSync(others, { mode: 0o700 });
    const user = name.replaceAll(/[^a-z]/g, "-");
    const box = `${mail}/${user}`;
    mkdirSync(box);
    chownSync(box, MAIL_UID, MAIL_GID);
    plant(box);
    assert.match(await resultFor(user), /^TempFail /);
    assert.deepEqual(readdirSync(others), []);
  });
}

/** A server on the socket `path` that does to each connection what the test says. */
async function beside(path: string, serve: (socket: Socket) => void): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  chmodSync(path, 0o666);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

const GARBAGE: readonly (readonly [name: string, serve: (socket: Socket) => void])[] = [
  ["says nothing and goes", (socket) => socket.destroy()],
  ["speaks TLS", (socket) => socket.end(Buffer.from([22, 3, 1, 2, 0, 1]))],
  ["sends a megabyte without a line end", (socket) => socket.end(Buffer.alloc(1 << 20, 0x32))],
  ["sends a million lines of one reply", (socket) => socket.end("220-x\r\n".repeat(1_000_000))],
  [
    "takes everything and dies at the end of the text",
    (socket) => {
      socket.write("220 x\r\n");
      socket.on("data", (bytes) => {
        const lines = bytes.toString("latin1").split("\r\n");
        if (lines.includes(".")) socket.destroy();
        else if (/^(?:EHLO|LHLO)/.test(lines[0] ?? "")) socket.write("250 x\r\n");
        else if (/^(?:MAIL|RCPT)/.test(lines[0] ?? "")) socket.write("250 ok\r\n");
        else if (lines[0]?.startsWith("DATA") === true) socket.write("354 go\r\n");
      });
    },
  ],
];

for (const [index, [name, serve]] of GARBAGE.entries()) {
  for (const [what, domain] of [
    ["LMTP server", "lmtp.test"],
    ["relay host", "out.test"],
  ] as const) {
    test(`a ${what} that ${name} leaves the mail waiting`, { skip }, async () => {
      const path = `${scratch.folder}/${domain === "lmtp.test" ? "lmtp" : "relay"}.sock`;
      await using _ = await beside(path, serve);
      const to = `${MAIL_USER}+${index}@${domain}`;
      assert.match(await sends(to), /^250 /);
      await until(() => isDeferred(to), `deferral of ${to}`);
      assert.match(await sends("meanwhile@example.test"), /^250 /);
    });
  }
}

test("LOC-11: smtpctl shows what waits without a character that a terminal obeys", {
  skip,
}, async () => {
  const path = `${scratch.folder}/relay.sock`;
  await using _ = await beside(path, (socket) => socket.end("450 \x1b[2J\x07\x9b31m\r\n"));
  await sends("escape@out.test");
  await until(() => isDeferred("escape@out.test"), "deferral");
  const { code, output } = await run([SMTPCTL, "--state", state, "show", "queue"]);
  assert.equal(code, 0, output);
  assert.match(output, /escape@out\.test/);
  assert.match(output, /^[ -~\n\t]*$/);
});
