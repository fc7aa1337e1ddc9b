/**
 * smtpctl(8) as a command, on the queue of a running daemon and on the spool of one that is
 * down.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Daemon, unlessStartable } from "./daemon.ts";
import { freePort, until } from "./greeting.ts";
import { endOf, type Finished, run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";
import { SmtpSession } from "./smtp-session.ts";

const skip = await unlessStartable();
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** Recipients of the large message; more than are changed unasked. */
const MANY = 51;

/** A daemon that relays to a port where nobody listens, so that all of it waits. */
async function start(scratch: Scratch, lines: readonly string[] = []): Promise<Daemon> {
  const dead = await freePort();
  return Daemon.start(scratch, [
    ...lines,
    `action "out" relay host smtp://127.0.0.1:${dead}`,
    'match from any for any action "out"',
  ]);
}

async function send(daemon: Daemon, from: string, to: readonly string[]): Promise<void> {
  using session = await SmtpSession.open({ path: daemon.endpoints.socketPath });
  await session.say("EHLO client.example");
  assert.match(await session.say(`MAIL FROM:<${from}>`), /^250 /u);
  for (const each of to) assert.match(await session.say(`RCPT TO:<${each}>`), /^250 /u);
  assert.match(await session.say("DATA"), /^354 /u);
  assert.match(await session.say("Subject: it waits\r\n\r\nhello\r\n."), /^250 /u, daemon.log);
}

/** What is in the spool, byte by byte. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    names
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`)
      .map((path) => [path, readFileSync(path, "latin1")]),
  );
}

test("smtpctl selects, counts, and wants -y before it changes many", { skip }, async () => {
  await using scratch = new Scratch();
  const daemon = await start(scratch);
  const smtpctl = (...words: readonly string[]): Promise<Finished> =>
    run([SMTPCTL, "--state", `${scratch.folder}/state`, ...words]);
  const many = Array.from({ length: MANY }, (_, at) => `user${at}@many.example`);
  await send(daemon, "news@bulk.example", many);
  await send(daemon, "anna@a.example", ["ben@b.example"]);
  const counted = await smtpctl("show", "queue", "--domain", "*.example", "--count");
  assert.deepEqual(counted, { code: 0, output: `${MANY + 1}\n` });
  const groups = await smtpctl("show", "queue", "--by", "domain", "--json", "--limit", "1");
  assert.match(groups.output, /^\{"by":"domain","name":"many\.example","envelopes":51,/u);
  const refused = await smtpctl("remove", "--from", "@bulk.example");
  assert.equal(refused.code, 2, refused.output);
  assert.match(refused.output, /\n51 envelopes would be removed; nothing was changed: /u);
  const removed = await smtpctl("remove", "--from", "@bulk.example", "-y");
  assert.deepEqual(removed, { code: 0, output: "51 envelopes removed\n" });
  const left = await smtpctl("sh", "q", "--state", "pending", "--limit", "9");
  assert.equal(left.output.split("\n").length, 2, left.output);
});

test("smtpctl monitor prints a line a second, and ends well when interrupted", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await start(scratch);
  const child = spawn(SMTPCTL, ["--state", `${scratch.folder}/state`, "monitor"]);
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += String(chunk);
  });
  await until(() => printed.split("\n").length >= 5, "two lines below the header");
  child.kill("SIGINT");
  const [code] = await Promise.all([endOf(child), once(child, "close")]);
  assert.equal(code, 0);
  assert.match(printed, /^--- client ---.*\ncurr conn disc.*\n(?: +\d+){13}\n(?: +\d+){13}\n/u);
  assert.equal(printed.at(-1), "\n");
});

test("smtpctl shows the queue of a daemon that is down, and changes nothing of it", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const smtpctl = (...words: readonly string[]): Promise<Finished> =>
    run([SMTPCTL, "--state", `${scratch.folder}/state`, ...words]);
  const none = await smtpctl("show", "queue");
  assert.deepEqual(none, { code: 1, output: "smtpctl: smtpd doesn't seem to be running\n" });
  const daemon = await start(scratch);
  await send(daemon, "anna@a.example", ["ben@b.example", "carl@c.example"]);
  let running = "";
  await until(async () => {
    running = (await smtpctl("show", "queue", "--to", "ben")).output;
    return /\|pending\|[1-9]/u.test(running);
  }, "first try of the envelope");
  const text = await smtpctl("show", "message", running.slice(0, 8));
  await daemon[Symbol.asyncDispose]();

  const spool = `${scratch.folder}/state/spool`;
  const before = filesOf(spool);
  const offline = await smtpctl("show", "queue", "--to", "ben");
  assert.equal(offline.code, 0, offline.output);
  assert.equal(offline.output, running.replace(/\|pending\|\d+\|/u, "|offline||"));
  assert.equal((await smtpctl("show", "queue", "--count")).output, "2\n");
  const id = offline.output.slice(0, 16);
  assert.match((await smtpctl("show", "envelope", id)).output, /^waits: no daemon runs$/mu);
  assert.deepEqual(await smtpctl("show", "message", id), text);
  const order = await smtpctl("remove", "all");
  assert.deepEqual(order, { code: 1, output: "smtpctl: smtpd doesn't seem to be running\n" });
  assert.deepEqual(filesOf(spool), before);
});

test("smtpctl shows an encrypted spool with the keys of a configuration, and says what it lacks without", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const smtpctl = (...words: readonly string[]): Promise<Finished> =>
    run([SMTPCTL, "--state", `${scratch.folder}/state`, ...words]);
  const daemon = await start(scratch, ['queue encryption "0123456789abcdef0123456789abcdef"']);
  await send(daemon, "anna@a.example", ["ben@b.example"]);
  await daemon[Symbol.asyncDispose]();
  const dark = await smtpctl("show", "queue");
  assert.equal(dark.code, 1);
  assert.match(dark.output, /cannot be read: the queue is encrypted with a key that /u);
  const conf = `${scratch.folder}/smtpd.conf`;
  const shown = await smtpctl("show", "queue", "-f", conf);
  assert.match(shown.output, /\|anna@a\.example\|ben@b\.example\|/u);
  const message = await smtpctl("show", "message", shown.output.slice(0, 8), "-f", conf);
  assert.match(message.output, /\r\nSubject: it waits\r\n.*\r\n\r\nhello\r\n$/su);
});
