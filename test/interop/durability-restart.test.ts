/**
 * Starting on a state that somebody uses, that cannot be written, that a killed daemon
 * left behind, or that holds a large queue.
 *
 * QUEUED sets how large (20,000 messages if left out). See docs/durability.md.
 */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import { KillableDaemon } from "./killable-daemon.ts";
import { SmallDisk, unlessMountable } from "./mounts.ts";
import { Scratch } from "./scratch.ts";

const QUEUED = Number(process.env["QUEUED"] ?? 20_000);

const skip = await unlessStartable();

const RULES: readonly string[] = [
  'action "out" relay host "smtp://127.0.0.1:9"',
  'match from any for any action "out"',
];

test("a second daemon that reaches the same spool by another way is refused in one line", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  await using otherScratch = new Scratch();
  const daemon = await KillableDaemon.make(scratch, { rules: RULES });
  const second = await KillableDaemon.make(otherScratch, { rules: RULES });
  await daemon.start();
  mkdirSync(second.stateFolder);
  const spool = `${second.stateFolder}/spool`;
  symlinkSync(`${daemon.stateFolder}/spool`, spool);
  const queue = daemon.children.find(({ role }) => role === "queue");
  const { code, output } = await second.startInVain();
  assert.equal(
    output,
    `smtpd: cannot use the spool ${spool}: ${spool}/lock: process ${queue?.pid} uses this spool\n`,
  );
  assert.equal(code, 1);
  assert.equal((await daemon.smtpctl("show", "queue")).code, 0, "the first one goes on");
});

test("a state folder that has become read-only is told in one line", {
  skip: skip || unlessMountable(),
}, async () => {
  await using scratch = new Scratch();
  const disk = SmallDisk.make(scratch, "disk", "size=1M");
  const stateFolder = `${disk.folder}/state`;
  const daemon = await KillableDaemon.make(scratch, { rules: RULES, stateFolder });
  await daemon.start();
  await daemon.kill();
  disk.makeReadOnly();
  const { code, output } = await daemon.startInVain();
  assert.match(output, /^smtpd: cannot prepare the state folder \S+: EROFS: [^\n]+\n$/);
  assert.equal(code, 1);
});

test("a daemon whose parent alone is killed ends, and leaves nothing in the way of the next", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch);
  const { daemon } = rig;
  await daemon.start();
  const { ledger, client } = rig.load();
  await until(() => ledger.acknowledgedCount > 20, "acknowledged messages");
  await daemon.killParent();
  await client.stop();
  await daemon.start();
  await daemon.drain();
  assertKept(ledger.tally(rig.arrivals()), `seed ${SEED}\n${daemon.logEnd}`);
});

test(`a queue of ${QUEUED} messages is there again after kill -9`, { skip }, async (context) => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch, { options: ["-P", "mta"] });
  const { daemon, sink } = rig;
  await daemon.start();
  const { ledger, client } = rig.load({
    sessions: 50,
    recipients: ["carla@out.example"],
    sizesBytes: [1024],
    count: QUEUED,
  });
  await client.finished;
  assert.equal(ledger.acknowledgedCount, QUEUED);
  await daemon.kill();
  const killedAtMs = performance.now();
  await daemon.start();
  const restartMs = performance.now() - killedAtMs;
  // One line for each start; lines of children come a little later than the parent's.
  const recoveries = (): readonly RegExpExecArray[] => [
    ...daemon.log.matchAll(/spool recovered messages=(\d+) .* took=(\d+)ms/g),
  ];
  await until(() => recoveries().length === 2, "word of the second recovery");
  const [, messages, tookMs] = recoveries()[1] ?? [];
  assert.equal(messages, String(QUEUED));
  await daemon.smtpctl("resume", "mta");
  await until(() => sink.count >= QUEUED, "delivery of the whole queue");
  await daemon.drain();
  const tally = ledger.tally(rig.arrivals());
  assertKept(tally, `seed ${SEED}\n${daemon.logEnd}`);
  assert.deepEqual(tally.twice, []);
  context.diagnostic(
    `seed ${SEED}: the spool was read in ${tookMs} ms, ready ${Math.round(restartMs)} ms after the start`,
  );
});
