/**
 * Every hostile case against the real daemon over TCP, one after the other: what is
 * stored is read from its log and from the Maildirs, and nothing is written beside
 * them.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { serverName } from "#programs/machine.ts";
import { type HostileCase, readCases } from "#test/hostile/case.ts";
import { HostileClient } from "#test/hostile/client.ts";
import { judge, type StoredMessage } from "#test/hostile/judge.ts";
import { rulesOf } from "#test/hostile/scene.ts";
import { memoryOf } from "./daemon-processes.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const GOOD_CLIENT_WITHIN_MS = 2000;
const MAX_GROWTH_BYTES: number = 64 * 1024 * 1024;
/** What the cases would make if a shell ran them. */
const CANARY = "/tmp/pwned";

const skip = await unlessStartable();
const clock = nodeClock();
const network = nodeNetwork();

let scratch: Scratch;
let daemon: Daemon;
let mail: string;
let bytesBefore: number;

before(async () => {
  if (skip !== false) return;
  scratch = new Scratch();
  mail = scratch.mailFolder("mail");
  daemon = await Daemon.start(scratch, [
    `action "deliver" maildir "${mail}/%{dest.user}" user "${MAIL_USER}"`,
    'action "out" relay',
    ...rulesOf(serverName()),
  ]);
  await sendsMail();
  bytesBefore = memoryOf(daemon.pid);
});

after(async () => {
  if (skip === false) await scratch[Symbol.asyncDispose]();
});

for (const hostile of readCases()) test(hostile.name, { skip }, () => play(hostile));

test("no process of the daemon died or grew on the way", { skip }, () => {
  const deaths = /starting it again|[A-Z][a-z]+Error|exited|ended by/;
  assert.deepEqual(
    daemon.log.split("\n").filter((line) => deaths.test(line)),
    [],
  );
  const grownBytes = memoryOf(daemon.pid) - bytesBefore;
  assert.ok(grownBytes < MAX_GROWTH_BYTES, `grew by ${grownBytes} bytes`);
});

test("nothing was written but Maildirs of one folder each", { skip }, () => {
  assert.ok(!existsSync(CANARY), "a shell ran");
  const folders = new Set(
    globSync("**", { cwd: scratch.folder }).map((path) => path.split("/").slice(0, 2).join("/")),
  );
  for (const path of globSync("mail/*/*", { cwd: scratch.folder }))
    assert.match(path, /^mail\/[^/]+\/(?:tmp|new|cur)$/);
  for (const path of folders)
    assert.match(path, /^(?:\.|log|smtpd\.conf|in\.sock|mail(?:\/.*)?|state(?:\/.*)?)$/);
});

async function play(hostile: HostileCase): Promise<void> {
  const logFrom = daemon.log.length;
  const client = await newClient();
  const played = await client.play(hostile);
  client.leave();
  const log = await sessionsEnd(logFrom);
  const stored = await storedSince(log);
  judge(hostile, { played, stored, log });
  const startedMs = performance.now();
  await sendsMail();
  assert.ok(performance.now() - startedMs < GOOD_CLIENT_WITHIN_MS, "an honest client waits");
}

async function newClient(): Promise<HostileClient> {
  const opened = await network.connect(
    { kind: "tcp", host: "127.0.0.1", port: daemon.endpoints.port },
    { timeoutMs: 5000 },
  );
  assert.ok(!("code" in opened), "the daemon takes connections");
  return new HostileClient(opened, clock);
}

async function sendsMail(): Promise<void> {
  const logFrom = daemon.log.length;
  const client = await newClient();
  assert.match(await client.sendMessage("Subject: good\r\n\r\ngood\r\n"), /^250 /);
  client.leave();
  await sessionsEnd(logFrom);
}

/** The log lines from there on, once every session in them has ended. */
async function sessionsEnd(from: number): Promise<readonly string[]> {
  const lines = (): readonly string[] => daemon.log.slice(from).split("\n").slice(0, -1);
  const idsOf = (word: string): ReadonlySet<string> =>
    new Set(lines().flatMap((line) => new RegExp(`^(\\w{16}) smtp ${word}`).exec(line)?.[1] ?? []));
  await until(() => {
    const connected = idsOf("connected");
    const gone = idsOf("disconnected");
    return connected.size > 0 && [...connected].every((id) => gone.has(id));
  }, "end of the session in the log");
  return lines();
}

/** What the log says was accepted, with the file of each that a Maildir has. */
async function storedSince(log: readonly string[]): Promise<readonly StoredMessage[]> {
  const stored: StoredMessage[] = [];
  for (const line of log) {
    const msgid = / smtp message msgid=(\w+)/.exec(line)?.[1];
    if (msgid === undefined) continue;
    const envelopes = log.flatMap(
      (each) => / smtp envelope evpid=(\w+) from=<(.*?)> to=<(.*?)>/.exec(each)?.slice(1) ?? [],
    );
    await until(() => isFinished(msgid), `result for ${msgid}`);
    stored.push({
      reversePath: envelopes[1] ?? "",
      forwardPaths: [envelopes[2] ?? ""],
      text: textOf(msgid),
    });
  }
  return stored;
}

function isFinished(msgid: string): boolean {
  return new RegExp(`delivery evpid=${msgid}.*result="?(?:Ok|PermFail)`).test(daemon.log);
}

/** With the line ends of SMTP again; undefined if it was not delivered to a Maildir. */
function textOf(msgid: string): string | undefined {
  for (const path of globSync(`${mail}/*/new/*`)) {
    const text = readFileSync(path, "latin1");
    if (text.includes(` id ${msgid}`)) return text.replaceAll("\n", "\r\n");
  }
  return undefined;
}
