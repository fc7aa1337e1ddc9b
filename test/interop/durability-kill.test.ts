/**
 * `kill -9` under load: of the whole daemon, or of one of its processes. Whatever got
 * its 250 arrives, whole; twice only if the kill fell between a delivery and its record,
 * and never when the queue alone is killed.
 *
 * ROUNDS sets how often (5 if left out), SEED repeats a run. See docs/durability.md.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ROLES } from "#processes/roles.ts";
import type { Arrival } from "#test/support/ledger.ts";
import { writeTable } from "#world/node/sqlite-table-writer.ts";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, Figures, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import type { KillableDaemon } from "./killable-daemon.ts";
import { Scratch } from "./scratch.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 5);
/** For each kind of process. */
const ROUNDS_OF_ONE = Math.max(1, Math.floor(ROUNDS / 5));

/** The kill comes this long after the load began, at most. */
const MAX_LOAD_MS = 1200;
const MIN_LOAD_MS = 50;
/** How long a daemon that lost one process is still under load. */
const AFTERWARDS_MS = 400;

const LASTING: ReadonlySet<string> = new Set(Object.keys(ROLES).filter((role) => role !== "agent"));

const skip = await unlessStartable();

function countById(arrivals: readonly Arrival[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of arrivals) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** Messages of which the log says that a delivery was recorded. */
function recordedDeliveries(log: string): ReadonlySet<string> {
  const lines = log.matchAll(/ delivery evpid=([0-9a-f]{8})[0-9a-f]{8} .* result="?Ok"? /g);
  return new Set(Array.from(lines, ([, msgid = ""]) => msgid));
}

function blobCount(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

async function killWholeDaemon(rig: DurabilityRig, figures: Figures): Promise<void> {
  const { daemon, random } = rig;
  rig.forget();
  const { ledger, client } = rig.load();
  await pause(MIN_LOAD_MS + random.below(MAX_LOAD_MS - MIN_LOAD_MS));
  await daemon.kill();
  await client.stop();
  // The end of a message of a dead dispatcher may still be on its way to the relay.
  await rig.sink.quiet();
  const before = rig.arrivals();
  figures.add("blobs in the spool when killed", blobCount(`${daemon.stateFolder}/spool/blobs`));
  const copiesBefore = countById(before);
  const recorded = recordedDeliveries(daemon.log);
  await daemon.start();
  await daemon.drain();
  const arrivals = rig.arrivals();
  const tally = ledger.tally(arrivals);
  assertKept(tally, `seed ${SEED}`);
  const copies = countById(arrivals);
  const msgids = new Map(arrivals.map(({ id, msgid }) => [id, msgid]));
  for (const id of tally.twice) {
    // Delivered once in each life, and the first one did not live to record it.
    assert.deepEqual([copiesBefore.get(id), copies.get(id)], [1, 2], id);
    assert.ok(!recorded.has(msgids.get(id) ?? ""), `${id} was recorded and delivered again`);
  }
  figures.add("rounds", 1);
  figures.add("acknowledged", ledger.acknowledgedCount);
  figures.add("delivered before the kill", before.length);
  figures.add("lost", tally.lost.length);
  figures.add("altered", tally.altered.length);
  figures.add("twice", tally.twice.length);
  figures.add("delivered without a 250", tally.unacknowledged.length);
}

test(`the whole daemon is killed ${ROUNDS} times under load: nothing that got its 250 is lost`, {
  skip,
}, async (context) => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch);
  const figures = new Figures();
  await rig.daemon.start();
  for (let round = 0; round < ROUNDS; round++) await killWholeDaemon(rig, figures);
  figures.tell(context);
});

/** Every recipient is a question to lookup, and auth runs too. */
function rulesForAll(scratch: Scratch): readonly string[] {
  const database = `${scratch.folder}/domains.db`;
  writeTable(database, [{ key: "nobody-writes-to.example", value: "" }], undefined);
  return [
    `table domains db:${database}`,
    `listen on socket "${scratch.folder}/auth.sock" auth`,
    'match from any for domain <domains> action "keep"',
  ];
}

/** The processes that run as long as the daemon, but those of `role`. */
function lastingBeside(daemon: KillableDaemon, role: string): readonly string[] {
  return daemon.children
    .filter((each) => each.role !== role && LASTING.has(each.role))
    .map((each) => `${each.role} ${each.pid}`)
    .toSorted();
}

/** On a daemon of its own: one that loses a process again and again waits ever longer. */
async function killOneProcess(role: string, round: number, figures: Figures): Promise<void> {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch, { rules: rulesForAll(scratch) });
  const { daemon } = rig;
  const random = rig.random.fork(`${role} ${round}`);
  await daemon.start();
  const { ledger, client } = rig.load();
  await until(() => ledger.acknowledgedCount > 0, "message that was acknowledged");
  await pause(random.below(MAX_LOAD_MS / 2));
  const others = lastingBeside(daemon, role);
  const before = new Set(daemon.children.map(({ pid }) => pid));
  await until(() => daemon.killOne(role), `process of the role ${role}`);
  const acknowledgedBefore = ledger.acknowledgedCount;
  await until(() => ledger.acknowledgedCount > acknowledgedBefore, "message after the kill");
  await pause(AFTERWARDS_MS);
  await until(
    () => daemon.children.some((each) => each.role === role && !before.has(each.pid)),
    `another ${role}`,
  );
  assert.deepEqual(lastingBeside(daemon, role), others, "the others run on");
  await client.stop();
  await daemon.drain();
  const tally = ledger.tally(rig.arrivals());
  assertKept(tally, `seed ${SEED}`);
  // The dispatchers know what they delivered for the queue that died.
  if (role === "queue") assert.deepEqual(tally.twice, [], `seed ${SEED}`);
  figures.add("rounds", 1);
  figures.add("acknowledged", ledger.acknowledgedCount);
  figures.add("twice", tally.twice.length);
  figures.add("delivered without a 250", tally.unacknowledged.length);
}

for (const role of ["queue", "dispatcher", "agent", "lookup", "local", "control", "auth"]) {
  test(`a killed ${role} is started again, the others run on, and nothing that got its 250 is lost`, {
    skip,
  }, async (context) => {
    const figures = new Figures();
    for (let round = 0; round < ROUNDS_OF_ONE; round++) await killOneProcess(role, round, figures);
    figures.tell(context);
  });
}
