/** What the processes of the running daemon know, read from their memory. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { certificateFiles } from "./certificate-files.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { processesOf } from "./daemon-processes.ts";
import { freePort, until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { greetedClient } from "./piped-daemon.ts";
import { holds } from "./process-memory.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const CONTROL = new URL("../../bin/smtpctl", import.meta.url).pathname;

const skip = RUNS_AS_ROOT
  ? await unlessStartable()
  : "only root reads the memory of another user's process";

test("a password's hash in a table of users is in the parent alone, and so after the table was read again", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const mail = scratch.mailFolder("mail");
  const users = `${scratch.folder}/users`;
  const writeUsers = (hash: string): void =>
    writeFileSync(users, `ann:${hash}:${MAIL_UID}:${MAIL_GID}::${mail}:/bin/sh\n`, { mode: 0o600 });
  writeUsers("FIRST-HASH");
  const daemon = await Daemon.start(scratch, [
    `table users "passwd:${users}"`,
    `table words { a = a-word-of-aliases }`,
    'action "d" maildir userbase <users> alias <words>',
    'match from any for any action "d"',
  ]);
  const knowersOf = (word: string): readonly string[] =>
    processesOf(daemon.pid).flatMap(({ pid, role }) => (holds(pid, word) ? [role] : []));

  const client = await greetedClient(daemon.endpoints.port);
  await client.write("MAIL FROM:<a@example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n");
  for (let n = 0; n < 3; n++) assert.match((await client.reply()) ?? "", /^(250|354) /u);
  await client.write("Subject: x\r\n\r\nx\r\n.\r\n");
  assert.match((await client.reply()) ?? "", /^250 /u);
  await until(() => daemon.log.includes("result=Ok"), "delivery");

  assert.ok(processesOf(daemon.pid).some(({ role }) => role === "agent"));
  assert.deepEqual(knowersOf("FIRST-HASH"), ["parent"]);
  assert.deepEqual(
    new Set(knowersOf("a-word-of-aliases")),
    new Set(["parent", "dispatcher", "queue"]),
  );

  writeUsers("SECOND-HASH");
  const control = [CONTROL, "--state", `${scratch.folder}/state`];
  assert.equal((await run([...control, "update", "table", "users"])).code, 0);
  assert.deepEqual(knowersOf("SECOND-HASH"), ["parent"]);
  client.leave();
});

test("the secrets of a table for `auth` are in the parent and in lookup, also after a client has used them", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const mail = scratch.mailFolder("mail");
  const { output } = await run([CONTROL, "encrypt", "sesame"]);
  const hash = output.trim();
  const daemon = await Daemon.start(scratch, [
    `table logins { "ann" = "${hash}" }`,
    `listen on socket "${scratch.folder}/auth.sock" auth <logins>`,
    `action "d" maildir "${mail}"`,
    'match from auth <logins> for any action "d"',
    'match from any for any action "d"',
  ]);
  const client = await greetedClient(`${scratch.folder}/auth.sock`);
  for (const password of ["guess", "sesame"]) {
    const response = Buffer.from(`\0ann\0${password}`).toString("base64");
    await client.write(`AUTH PLAIN ${response}\r\n`);
    assert.match((await client.reply()) ?? "", password === "sesame" ? /^235 / : /^535 /u);
  }
  const knowers = processesOf(daemon.pid).flatMap(({ pid, role }) =>
    holds(pid, hash.slice(-40)) ? [role] : [],
  );
  assert.deepEqual(new Set(knowers), new Set(["parent", "lookup"]));
  client.leave();
});

test("what a relay shows to its host is in the parent and in lookup, as long as nothing is sent there", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const secret = "a-password-of-the-relay";
  const daemon = await Daemon.start(scratch, [
    `table secrets { hub = "user:${secret}" }`,
    `action "out" relay host "smtps://hub@localhost:${await freePort()}" auth <secrets>`,
    `action "d" maildir "${scratch.mailFolder("mail")}" user nobody`,
    'match from any for domain "out.example" action "out"',
    'match from any for any action "d"',
  ]);
  const knowers = processesOf(daemon.pid).flatMap(({ pid, role }) =>
    holds(pid, secret) ? [role] : [],
  );
  assert.deepEqual(new Set(knowers), new Set(["parent", "lookup"]));
});

/** The second of its lines: the first is alike in every key. */
function lineOf(key: string): string {
  return key.split("\n")[2] ?? "";
}

test("a private key is in the parent and in the dispatchers, if a listener shows its certificate", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const mail = scratch.mailFolder("mail");
  const used = certify({ subject: "used.example" });
  const unused = certify({ subject: "unused.example" });
  const daemon = await Daemon.start(scratch, [
    certificateFiles(scratch, "used", used).pki,
    certificateFiles(scratch, "unused", unused).pki,
    `listen on socket "${folder}/other.sock"`,
    `listen on 127.0.0.1 port ${await freePort()} tls pki used`,
    `action "d" maildir "${mail}" user nobody`,
    'match from any for any action "d"',
  ]);
  const knowersOf = (word: string): readonly string[] =>
    processesOf(daemon.pid).flatMap(({ pid, role }) => (holds(pid, word) ? [role] : []));
  assert.deepEqual(new Set(knowersOf(lineOf(used.key))), new Set(["parent", "dispatcher"]));
  assert.deepEqual(knowersOf(lineOf(unused.key)), []);
});

test("the keys of an encrypted queue are in the parent and in the queue", { skip }, async () => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  const keys = ["0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a4938271605f4e3d2c1b0a"];
  writeFileSync(`${folder}/queue.key`, `${keys.join("\n")}\n`, { mode: 0o600 });
  const daemon = await Daemon.start(scratch, [
    `queue encryption file "${folder}/queue.key"`,
    `action "d" maildir "${scratch.mailFolder("mail")}" user nobody`,
    'match from any for any action "d"',
  ]);
  for (const key of keys) {
    const knowers = processesOf(daemon.pid).flatMap(({ pid, role }) =>
      holds(pid, key) ? [role] : [],
    );
    assert.deepEqual(new Set(knowers), new Set(["parent", "queue"]));
  }
});
