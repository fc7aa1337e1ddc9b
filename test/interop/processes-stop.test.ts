/**
 * How the daemon ends, and what its clients see of it: SIGTERM, once and twice, and
 * `smtpctl stop`.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { processesOf } from "./daemon-processes.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { arrivals, MAIL_USER, Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();

interface Running {
  readonly daemon: KillableDaemon;
  readonly mail: string;
}

async function running(scratch: Scratch): Promise<Running> {
  const mail = scratch.mailFolder("mail");
  const daemon = await KillableDaemon.make(scratch, {
    rules: [
      `action "deliver" maildir "${mail}/%{dest.user}" user ${MAIL_USER}`,
      'match from any for any action "deliver"',
    ],
  });
  await daemon.start();
  return { daemon, mail };
}

/** Everything is gone: the processes with those numbers, and every socket in the file system. */
async function nothingIsLeft(daemon: KillableDaemon, pids: readonly number[]): Promise<void> {
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), "end of the daemon");
  const [, local] = daemon.servers;
  assert.ok("path" in local);
  assert.equal(existsSync(local.path), false, "the UNIX-domain listener's path");
  const left = readdirSync(daemon.stateFolder, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((entry) => entry.isSocket()).map(({ name }) => name),
    [],
  );
}

test("at SIGTERM an idle session is told 421, and one with a message on its way gets its 250", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, mail } = await running(scratch);
  const [tcp, local] = daemon.servers;
  using greeted = await SmtpSession.open(tcp);
  using idle = await SmtpSession.open(local);
  await idle.say("EHLO client.example");
  using busy = await SmtpSession.inData(tcp, "ann@here.example");
  busy.send("Subject: in time\r\n\r\n");
  const pids = processesOf(daemon.pid).map(({ pid }) => pid);
  const ended = daemon.stop();
  assert.match(await greeted.reply(), /^421 /u);
  assert.match(await idle.reply(), /^421 /u);
  await Promise.all([greeted.ended(), idle.ended()]);
  busy.send("the end\r\n");
  assert.match(await busy.say("."), /^250 /u);
  assert.match(await busy.reply(), /^421 /u);
  assert.equal(await ended, 0, daemon.logEnd);
  await nothingIsLeft(daemon, pids);
  assert.doesNotMatch(daemon.log, /starting it again|SIGKILL/u);
  await daemon.start();
  await arrivals(`${mail}/ann/new`, 1, "Subject: in time");
});

test("a second SIGTERM does no harm, and neither does SIGINT or SIGHUP", { skip }, async () => {
  await using scratch = new Scratch();
  const { daemon } = await running(scratch);
  process.kill(daemon.pid, "SIGHUP");
  using session = await SmtpSession.inData(daemon.servers[0], "ann@here.example");
  const pids = processesOf(daemon.pid).map(({ pid }) => pid);
  const ended = daemon.stop();
  process.kill(daemon.pid, "SIGTERM");
  process.kill(daemon.pid, "SIGINT");
  assert.match(await session.say("Subject: hello\r\n\r\nhello\r\n."), /^250 /u);
  assert.equal(await ended, 0, daemon.logEnd);
  await nothingIsLeft(daemon, pids);
});

test("SIGINT to every process at once, as Ctrl-C sends it, is a clean end too", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon } = await running(scratch);
  const processes = processesOf(daemon.pid);
  const ended = daemon.ended();
  for (const { pid } of processes) process.kill(pid, "SIGINT");
  assert.equal(await ended, 0, daemon.logEnd);
  await nothingIsLeft(
    daemon,
    processes.map(({ pid }) => pid),
  );
  assert.doesNotMatch(daemon.log, /starting it again/u);
});

test("smtpctl stop ends it as SIGTERM does", { skip }, async () => {
  await using scratch = new Scratch();
  const { daemon } = await running(scratch);
  using idle = await SmtpSession.open(daemon.servers[0]);
  const pids = processesOf(daemon.pid).map(({ pid }) => pid);
  const ended = daemon.ended();
  const { code, output } = await daemon.smtpctl("stop");
  assert.equal(code, 0, output);
  assert.match(await idle.reply(), /^421 /u);
  assert.equal(await ended, 0, daemon.logEnd);
  await nothingIsLeft(daemon, pids);
});

test("smtpctl pauses and resumes new sessions; one that is open goes on", { skip }, async () => {
  await using scratch = new Scratch();
  const { daemon } = await running(scratch);
  const [tcp, local] = daemon.servers;
  using open = await SmtpSession.open(tcp);
  assert.equal((await daemon.smtpctl("pause", "smtp")).code, 0);
  assert.equal((await daemon.smtpctl("pause", "smtp")).code, 1, "it is paused already");
  for (const server of [tcp, local, tcp, local]) {
    const session = await SmtpSession.connected(server);
    assert.match(await session.reply(), /^421 /u);
    session[Symbol.dispose]();
  }
  assert.match(await open.say("EHLO client.example"), /250 /u);
  assert.match((await daemon.smtpctl("show", "status")).output, /SMTP paused/u);
  assert.equal((await daemon.smtpctl("resume", "smtp")).code, 0);
  using next = await SmtpSession.open(tcp);
  assert.match(await next.say("NOOP"), /^250 /u);
});

test("a paused dispatcher that dies comes back paused", { skip }, async () => {
  await using scratch = new Scratch();
  const { daemon } = await running(scratch);
  await daemon.smtpctl("pause", "smtp");
  const before = daemon.children.filter(({ role }) => role === "dispatcher");
  for (const { pid } of before) process.kill(pid, "SIGKILL");
  await until(
    () =>
      daemon.children.filter(
        ({ pid, role }) => role === "dispatcher" && !before.some((each) => each.pid === pid),
      ).length === before.length,
    "new dispatchers",
  );
  const session = await SmtpSession.connected(daemon.servers[0]);
  assert.match(await session.reply(), /^421 /u);
  session[Symbol.dispose]();
});

test("mail waits while local delivery is paused, and is delivered when it is resumed", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const { daemon, mail } = await running(scratch);
  await daemon.smtpctl("pause", "mda");
  using session = await SmtpSession.inData(daemon.servers[0], "ann@here.example");
  assert.match(await session.say("Subject: waits\r\n\r\nhello\r\n."), /^250 /u);
  assert.match((await daemon.smtpctl("show", "queue")).output, /ann@here\.example/u);
  assert.equal(existsSync(`${mail}/ann`), false);
  await daemon.smtpctl("resume", "mda");
  await arrivals(`${mail}/ann/new`, 1, "Subject: waits");
});
