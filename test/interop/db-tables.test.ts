/**
 * `db:` tables of the running daemon: made by makemap, read by lookup, which may die.
 */
import assert from "node:assert/strict";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { makemap } from "./makemap.ts";
import { MAIL_USER, RUNS_AS_ROOT, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();

/** A daemon whose domains and virtual users are in databases. Not started. */
async function daemonWithTables(scratch: Scratch): Promise<KillableDaemon> {
  const { folder } = scratch;
  await makemap(scratch, "domains", "here.example\n*.there.example\n", "set");
  await makemap(scratch, "users", "ann: box\nben@here.example: box\nbox: box\n", "aliases");
  return KillableDaemon.make(scratch, {
    rules: [
      `table domains db:${folder}/domains.db`,
      `table users db:${folder}/users.db`,
      `action "deliver" maildir "${folder}/%{dest.user}" user ${MAIL_USER} virtual <users>`,
      'match from any for domain <domains> action "deliver"',
    ],
  });
}

/** The reply to RCPT, in a session of its own. */
async function rcpt(daemon: KillableDaemon, to: string): Promise<string> {
  using session = await SmtpSession.open(daemon.servers[0]);
  await session.say("EHLO client.example");
  await session.say("MAIL FROM:<sender@client.example>");
  return await session.say(`RCPT TO:<${to}>`);
}

test("recipients are decided by databases, and by what makemap puts in their place", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  await daemon.start();
  for (const to of ["ann@here.example", "Ben@HERE.example", "ann@a.b.there.example"]) {
    assert.match(await rcpt(daemon, to), /^250 /u, to);
  }
  for (const to of ["zoe@here.example", "ann@elsewhere.example", "ben@a.there.example"]) {
    assert.match(await rcpt(daemon, to), /^550 /u, to);
  }
  await makemap(scratch, "users", "zoe: box\nbox: box\n", "aliases");
  assert.match(await rcpt(daemon, "zoe@here.example"), /^250 /u);
  assert.match(await rcpt(daemon, "ann@here.example"), /^550 /u);
});

test("while lookup is away recipients are told to come again, and then they are taken", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  await daemon.start();
  assert.match(await rcpt(daemon, "ann@here.example"), /^250 /u);
  assert.ok(daemon.killOne("lookup"));
  for (const to of ["ann@here.example", "zoe@here.example"]) {
    assert.match(await rcpt(daemon, to), /^451 /u, to);
  }
  await until(async () => (await rcpt(daemon, "ann@here.example")).startsWith("250 "), "lookup");
  assert.match(await rcpt(daemon, "zoe@here.example"), /^550 /u);
  const line = /lookup ended by SIGKILL, starting it again/u;
  await until(() => line.test(daemon.log), "line in the log");
});

test("a dispatcher and a queue that are started again find lookup", { skip }, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  await daemon.start();
  for (const role of ["dispatcher", "queue"]) {
    assert.ok(daemon.killOne(role));
    await until(async () => (await rcpt(daemon, "ann@here.example")).startsWith("250 "), role);
  }
});

test("a database that goes away is a temporary failure and one line in the log", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  await daemon.start();
  renameSync(`${scratch.folder}/users.db`, `${scratch.folder}/away.db`);
  for (let n = 0; n < 3; n++) {
    assert.match(await rcpt(daemon, "ann@here.example"), /^451 /u);
  }
  renameSync(`${scratch.folder}/away.db`, `${scratch.folder}/users.db`);
  assert.match(await rcpt(daemon, "ann@here.example"), /^250 /u);
  await until(() => daemon.log.includes("table users can be read"), "line in the log");
  assert.equal(daemon.log.match(/warn: table users: ENOENT/gu)?.length, 1, daemon.log);
});

test("a database that lookup's user may not read is said at the start", {
  skip: skip || (RUNS_AS_ROOT ? false : "only root can start processes as others"),
}, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  chmodSync(`${scratch.folder}/users.db`, 0o600);
  const { code, output } = await daemon.startInVain();
  assert.equal(code, 1);
  assert.match(output, /smtpd: table users: EACCES: .*users\.db.*_smtpl/u);
});

test("a database that is none is a complaint about its line", { skip }, async () => {
  await using scratch = new Scratch();
  const daemon = await daemonWithTables(scratch);
  writeFileSync(`${scratch.folder}/users.db`, "ann: box\n");
  const { code, output } = await daemon.startInVain();
  assert.equal(code, 1);
  assert.match(output, /smtpd\.conf:4:.*users\.db.*\n[^]*no SQLite file/u);
});
