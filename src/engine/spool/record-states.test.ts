import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, deferred, evpidOf, mail } from "#test/crash/mail.ts";
import { SPOOL_FOLDER, smallSpool } from "#test/crash/spool-scenario.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { openJournalSpool } from "./journal-spool.ts";
import { RecordStates, RememberedStates } from "./record-states.ts";
import type { RecordFinding } from "./segment-scan.ts";
import type { Spool, SpoolEntry } from "./spool.ts";
import { untried } from "./unfinished.ts";

const [FIRST, SECOND] = mail(1, { recipients: 2 }).envelopes.map(untried);

function deferral(evpid: string, retryCount: number): Extract<SpoolEntry, { kind: "deferred" }> {
  const entry = deferred(evpid, retryCount);
  assert.ok(entry.kind === "deferred");
  return entry;
}

/** Of `bytes` without texts. */
function recordOf(evpid: string, bytes: number): RecordFinding {
  return { kind: "record", at: 0, bytes, textsAt: bytes, entries: [deferral(evpid, 1)] };
}

test("An envelope has the last state that a record gives it, and keeps its own if that has none", () => {
  const states = new RecordStates([deferral(evpidOf(mail(1)), 1), deferral(evpidOf(mail(1)), 2)]);
  assert.ok(FIRST !== undefined && SECOND !== undefined);
  assert.equal(states.after(FIRST).retryCount, 2);
  assert.equal(states.after(SECOND), SECOND);
});

test("A record that was used lately is remembered, within a bound; a longer one alone", () => {
  const memory = new RememberedStates();
  const add = (at: number, bytes: number): void => {
    memory.add({ sequence: 1, at }, recordOf(evpidOf(mail(1)), bytes));
  };
  const known = (): readonly number[] =>
    [1, 2, 3, 4].filter((at) => memory.get({ sequence: 1, at }) !== undefined);
  add(1, 2 ** 21);
  add(2, 2 ** 21);
  assert.deepEqual(known(), [1, 2]);
  memory.get({ sequence: 1, at: 1 });
  add(3, 1);
  assert.deepEqual(known(), [1, 3]);
  add(4, 2 ** 28);
  assert.deepEqual(known(), [4]);
  assert.equal(memory.get({ sequence: 2, at: 4 }), undefined);
});

async function open(disk: SimDisk): Promise<Spool> {
  const opened = await openJournalSpool({
    ...smallSpool(disk.files(), "dsync"),
    segmentBytes: 64 * 1024 * 1024,
  });
  assert.ok(opened.kind === "opened");
  return opened.spool;
}

// The record was decoded once for each: a queue with some large messages never got to its start.
test("Envelopes that were tried together cost a start as much as others", {
  timeout: 60_000,
}, async () => {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  const spool = await open(disk);
  const message = mail(1, { recipients: 20_000 });
  await spool.commit([accepted(message)]);
  await spool.commit(message.envelopes.map(({ evpid }) => deferred(evpid, 1)));
  // A crash: without a checkpoint.
  const [recovered] = await allRecovered(await open(disk));
  assert.equal(recovered?.envelopes.length, 20_000);
  assert.ok(recovered.envelopes.every(({ retryCount }) => retryCount === 1));
});
