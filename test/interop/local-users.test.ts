/**
 * Users of this machine on the daemon's sockets: who they are is said by the system, and by
 * nobody else. The clients here speak SMTP by themselves, as whoever the test says.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { processesOf } from "./daemon-processes.ts";
import { until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { arrivals, MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const asOthers = skip || (RUNS_AS_ROOT ? false : "only root can be other users");

const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** Users that every Debian has. */
const DAEMON_UID = 1;
const BIN_UID = 2;
const NAMELESS_UID = 54_321;

const BOX = [`action "box" maildir "MAIL/%{dest.user}" user ${MAIL_USER}`];

/** Says all `lines` on the socket at `path`, one after the reply to the other. */
const CLIENT = `
  const [path, ...lines] = process.argv.slice(1);
  const socket = require("node:net").connect(path);
  socket.on("error", (error) => console.log(error.code));
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    if (!/(^|\\n)\\d{3} .*\\r\\n$/.test(text)) return;
    console.log(text.match(/(^|\\n)(\\d{3} .*)\\r\\n$/)[2]);
    text = "";
    if (lines.length > 0) socket.write(lines.shift() + "\\r\\n");
    else socket.end();
  });`;

/** The last line of each reply that a client of this user gets. */
async function says(
  uid: number | undefined,
  path: string,
  ...lines: readonly string[]
): Promise<readonly string[]> {
  const rights = uid === undefined ? {} : { uid, gid: uid };
  const client = spawn(process.execPath, ["-e", CLIENT, path, ...lines], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: "/",
    ...rights,
  });
  let output = "";
  for await (const chunk of client.stdout.setEncoding("utf8")) output += String(chunk);
  return output.split("\n").filter((line) => line !== "");
}

function mail(from: string, to: string): readonly string[] {
  return [
    `EHLO l`,
    `MAIL FROM:<${from}>`,
    `RCPT TO:<${to}>`,
    "DATA",
    `Subject: to ${to}\r\n\r\nhi\r\n.`,
  ];
}

function codes(replies: readonly string[]): string {
  return replies.map((reply) => reply.slice(0, 3)).join(" ");
}

async function daemonWith(scratch: Scratch, ...rules: readonly string[]): Promise<Daemon> {
  const folder = scratch.mailFolder("mail");
  return Daemon.start(
    scratch,
    [...BOX, ...rules].map((line) => line.replace("MAIL", folder)),
  );
}

test("whoever runs the daemon is known by name, also without root", { skip }, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWith(scratch, 'match from socket auth for any action "box"');
  const { socketPath } = daemon.endpoints;
  const replies = await says(undefined, socketPath, ...mail("a@b.example", "anna@here.example"));
  assert.equal(codes(replies), "220 250 250 250 354 250");
  const [text = ""] = await arrivals(
    `${scratch.folder}/mail/anna/new`,
    1,
    "Subject: to anna@here.example",
  );
  const { code, output } = await run(["id", "-un"]);
  assert.equal(code, 0);
  const uid = process.getuid?.();
  assert.ok(
    text.includes(`(Postrider, from ${output.trim()}@localhost, userid ${uid}) with ESMTPA`),
    text,
  );
  const named = ` user=${output.trim()} uid=${uid}\n`;
  await until(() => daemon.log.includes(named), "line of the log");
});

test("each user is who the system says: rules know it, whatever EHLO, XCLIENT and AUTH say", {
  skip: asOthers,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWith(
    scratch,
    'match from socket auth { "bin", "uid=54321" } for any action "box"',
    "match from any for any reject",
  );
  const { socketPath } = daemon.endpoints;
  const to = (uid: number): Promise<readonly string[]> =>
    says(
      uid,
      socketPath,
      "EHLO bin",
      "XCLIENT LOGIN=bin",
      "AUTH PLAIN AGJpbgBiaW4=",
      "MAIL FROM:<>",
      "RCPT TO:<x@here.example>",
    );
  assert.equal((await to(BIN_UID)).at(-1)?.slice(0, 3), "250");
  assert.equal((await to(NAMELESS_UID)).at(-1)?.slice(0, 3), "250");
  assert.equal((await to(DAEMON_UID)).at(-1)?.slice(0, 3), "550");
  assert.equal((await to(0)).at(-1)?.slice(0, 3), "550", "root is one of them");
});

test("a process of the daemon is itself on the socket, and nobody else", {
  skip: asOthers,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWith(
    scratch,
    'match from socket auth "root" for any action "box"',
    "match from any for any reject",
  );
  const uid = Number((await run(["id", "-u", "_smtpd"])).output);
  const replies = await says(
    uid,
    daemon.endpoints.socketPath,
    ...mail("root@here.example", "x@here.example"),
  );
  assert.equal(replies[3]?.slice(0, 3), "550");
  await until(() => daemon.log.includes(`user=_smtpd uid=${uid}`), "line of the log");
});

test("with senders a user sends under its own addresses alone", { skip: asOthers }, async () => {
  await using scratch = new Scratch();
  const folder = scratch.mailFolder("mail");
  const second = `${scratch.folder}/checked.sock`;
  const daemon = await Daemon.start(scratch, [
    'table paths { bin = "bin@here.example", root = "@" }',
    `listen on socket "${second}" senders <paths>`,
    ...BOX.map((line) => line.replace("MAIL", folder)),
    'match from any for any action "box"',
  ]);
  const from = async (uid: number, address: string, path = second): Promise<string> =>
    codes((await says(uid, path, "EHLO l", `MAIL FROM:<${address}>`)).slice(-1));
  assert.equal(await from(BIN_UID, "bin@here.example"), "250");
  assert.equal(await from(BIN_UID, "boss@here.example"), "530");
  assert.equal(await from(0, "boss@here.example"), "250");
  assert.equal(await from(NAMELESS_UID, "bin@here.example"), "530");
  const { socketPath } = daemon.endpoints;
  assert.equal(await from(NAMELESS_UID, "boss@here.example", socketPath), "250", "as OpenSMTPD");
});

test("when local is killed sessions go on, and who comes meanwhile waits and is served", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWith(scratch, 'match from any for any action "box"');
  const { socketPath } = daemon.endpoints;
  const local = (): number | undefined =>
    processesOf(daemon.pid).find(({ role }) => role === "local")?.pid;
  const first = local();
  assert.ok(first !== undefined);
  const open = spawn(
    "sh",
    ["-c", `(sleep 6; printf 'NOOP\\r\\nQUIT\\r\\n') | nc -N -U ${socketPath}`],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const heard: string[] = [];
  open.stdout.setEncoding("utf8").on("data", (text) => void heard.push(String(text)));
  await until(() => heard.join("").startsWith("220"), "greeting");
  process.kill(first, "SIGKILL");
  const late = await says(undefined, socketPath, ...mail("a@b.example", "anna@here.example"));
  assert.equal(codes(late), "220 250 250 250 354 250");
  assert.notEqual(local(), first);
  await until(() => heard.join("").includes("221 "), "the end of the session");
});

test("the control socket is in a folder that another user may not enter, and smtpctl says so in a line", {
  skip: asOthers,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWith(scratch, 'match from any for any action "box"');
  // The last of what a start says.
  await until(() => daemon.log.includes("spool recovered"), "word of the queue");
  const before = daemon.log.length;
  const folder = `${scratch.folder}/state/private`;
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(`${folder}/control.sock`).mode & 0o777, 0o600);
  assert.deepEqual(await says(BIN_UID, `${folder}/control.sock`), ["EACCES"]);
  // As whoever is refused before a byte is read of it, even where the folder lets it through.
  chmodSync(folder, 0o711);
  assert.deepEqual(await says(BIN_UID, `${folder}/control.sock`), ["EACCES"]);
  const told = await run([
    "setpriv",
    `--reuid=${BIN_UID}`,
    "--clear-groups",
    SMTPCTL,
    "--state",
    `${scratch.folder}/state`,
    "show",
    "queue",
  ]);
  assert.deepEqual(told, { code: 1, output: "smtpctl: need root privileges\n" });
  assert.equal(daemon.log.length, before, "nobody has heard of it");
});
