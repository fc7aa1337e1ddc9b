import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, deferred, delivered, evpidOf, mail } from "#test/crash/mail.ts";
import { SPOOL_FOLDER, smallSpool } from "#test/crash/spool-scenario.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { openJournalSpool } from "./journal-spool.ts";
import type { RecordEntry } from "./record-entries.ts";
import type { Spool, SpoolEntry } from "./spool.ts";
import { TailStates } from "./tail-states.ts";
import { untried } from "./unfinished.ts";

const ONE = mail(1, { recipients: 2 });
const [FIRST, SECOND] = ONE.envelopes.map(untried);

function placeAt(record: number): { readonly sequence: number; readonly at: number } {
  return { sequence: 1, at: record };
}

test("an envelope is as its last try in the tail left it, and says which record that was", () => {
  assert.ok(FIRST !== undefined && SECOND !== undefined, "two envelopes");
  const tail = new TailStates();
  tail.note(
    [deferred(evpidOf(ONE), 1), deferred(evpidOf(ONE, 2), 1)] as RecordEntry[],
    placeAt(10),
  );
  tail.note([deferred(evpidOf(ONE), 2)] as RecordEntry[], placeAt(20));
  assert.equal(tail.after(FIRST).retryCount, 2);
  assert.equal(tail.after(FIRST).lastResult?.evpid, evpidOf(ONE));
  assert.equal(tail.placeOf(evpidOf(ONE))?.at, 20);
  assert.equal(tail.placeOf(evpidOf(ONE, 2))?.at, 10);
  assert.equal(tail.isWhole, true);
});

test("what is finished or restated in the tail has no try there any more", () => {
  assert.ok(FIRST !== undefined && SECOND !== undefined, "two envelopes");
  const tail = new TailStates();
  tail.note(
    [deferred(evpidOf(ONE), 1), deferred(evpidOf(ONE, 2), 1)] as RecordEntry[],
    placeAt(10),
  );
  tail.note([delivered(evpidOf(ONE))] as RecordEntry[], placeAt(20));
  assert.equal(tail.placeOf(evpidOf(ONE)), undefined);
  const text = {
    bytes: 0,
    checksum: 0,
    inBlob: false,
    form: "raw",
    storedBytes: 0,
    keyId: undefined,
  } as const;
  tail.note(
    [{ kind: "restated", message: ONE.message, envelopes: [SECOND], text }] as RecordEntry[],
    placeAt(30),
  );
  assert.equal(tail.placeOf(evpidOf(ONE, 2)), undefined);
  assert.deepEqual(tail.after(SECOND), SECOND);
});

const MESSAGES = 3000;
const NUMBERS: readonly number[] = Array.from({ length: MESSAGES }, (_, at) => at + 1);
/** A record for each message, in groups that are much shorter than a segment. */
async function commitEach(spool: Spool, entryOf: (number: number) => SpoolEntry): Promise<void> {
  for (let from = 1; from <= MESSAGES; from += 10) {
    const group = Array.from({ length: 10 }, (_, nth) => spool.commit([entryOf(from + nth)]));
    await Promise.all(group);
  }
}

async function open(disk: SimDisk, checkpointRecords: number): Promise<Spool> {
  const opened = await openJournalSpool({
    ...smallSpool(disk.files(), "dsync"),
    segmentBytes: 16_384,
    checkpointRecords,
  });
  assert.ok(opened.kind === "opened", opened.kind === "unusable" ? opened.reason : "");
  return opened.spool;
}

test("tries in another order than that of acceptance are read once, at a start and for a checkpoint", async () => {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  const random = simRandom(2);
  let opened = 0;
  disk.onOperation = ({ name, path }) => {
    if (name === "open" && path.endsWith(".seg")) opened++;
  };
  const first = await open(disk, 5);
  await commitEach(first, (number) => accepted(mail(number)));
  await first.close();

  const keys = new Map(NUMBERS.map((number) => [number, random.uint32()]));
  const shuffled = NUMBERS.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
  const second = await open(disk, Infinity);
  await allRecovered(second);
  await commitEach(second, (number) => deferred(evpidOf(mail(shuffled[number - 1] ?? 0)), 2));
  await second.close();
  const segments = (await disk.files().list(`${SPOOL_FOLDER}/journal`)).length;
  assert.ok(segments > 100, `${segments} segments`);

  opened = 0;
  const third = await open(disk, 5);
  const messages = await allRecovered(third);
  assert.equal(messages.length, MESSAGES);
  assert.ok(
    messages.every(({ envelopes }) => (envelopes[0]?.retryCount ?? 0) > 0),
    "each was tried",
  );
  // The header of each is read, and what is behind the checkpoint.
  assert.ok(opened <= 3 * segments, `${opened} files opened at the start`);
  opened = 0;
  await third.close();
  assert.ok(opened <= 2 * segments, `${opened} files opened for the checkpoint`);
  assert.deepEqual(await allRecovered(await open(disk, Infinity)), messages);
});
