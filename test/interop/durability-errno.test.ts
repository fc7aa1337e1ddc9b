/**
 * System calls of the queue that fail, by strace(1): each kind that the spool consists of,
 * with each error that a disk or the system may answer. While it lasts clients get 4xx and
 * never a false 250; afterwards mail is taken again by itself. See docs/durability.md.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ledger } from "#test/support/ledger.ts";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, Figures, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import { Injection, unlessInjectable } from "./injection.ts";
import { Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInjectable();

const KIB = 1024;
const CALLS = ["openat", "pwrite64,pwritev", "fdatasync", "fsync", "unlink"];
const ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EACCES"];

/** Calls without which no message can be stored: small, and large as a blob. */
const NEEDED: ReadonlyMap<string, { readonly small: boolean; readonly large: boolean }> = new Map([
  ["openat", { small: false, large: true }],
  ["pwrite64,pwritev", { small: true, large: true }],
  ["fdatasync", { small: false, large: true }],
  ["fsync", { small: false, large: true }],
]);

interface Sent {
  readonly ledger: Ledger;
  readonly isTaken: boolean;
  /** How often each reply refused it. */
  readonly refusals: ReadonlyMap<string, number>;
}

async function sendOne(rig: DurabilityRig, sizeBytes: number): Promise<Sent> {
  const load = rig.load({ sessions: 1, count: 1, sizesBytes: [sizeBytes] });
  await load.client.finished;
  return {
    ledger: load.ledger,
    isTaken: load.ledger.acknowledgedCount === 1,
    refusals: load.client.refusals,
  };
}

for (const calls of CALLS) {
  test(`while ${calls} of the queue fail nobody gets a false 250, and afterwards mail is taken again`, {
    skip,
  }, async (context) => {
    await using scratch = new Scratch();
    const rig = await DurabilityRig.make(scratch);
    const { daemon } = rig;
    const figures = new Figures();
    await daemon.start();
    const queue = daemon.children.find(({ role }) => role === "queue");
    const ledgers = [(await sendOne(rig, 4 * KIB)).ledger];
    let hits = 0;
    const need = NEEDED.get(calls) ?? { small: false, large: false };
    for (const error of ERRORS) {
      const fault = { calls, effect: `error=${error}`, when: "1+" };
      {
        await using injection = await Injection.into(queue?.pid ?? 0, fault, scratch);
        for (const [size, isNeeded] of [
          [4 * KIB, need.small],
          [300 * KIB, need.large],
        ] as const) {
          const { ledger, isTaken, refusals } = await sendOne(rig, size);
          ledgers.push(ledger);
          const where = `${error} of ${calls}, ${size} bytes: ${[...refusals.keys()].join()}`;
          if (isNeeded) assert.ok(!isTaken, `${where}: a 250 for what cannot be stored`);
          for (const refusal of refusals.keys()) assert.match(refusal, /^4\d\d 4\./, where);
        }
        figures.add(`${error} injected`, injection.hits);
        hits += injection.hits;
      }
      await until(async () => {
        const { ledger, isTaken } = await sendOne(rig, 300 * KIB);
        ledgers.push(ledger);
        return isTaken;
      }, `message that is taken after ${error}`);
    }
    await daemon.drain();
    const arrivals = rig.arrivals();
    for (const ledger of ledgers) {
      const ids = new Set(ledger.sentIds);
      const tally = ledger.tally(arrivals.filter(({ id }) => ids.has(id)));
      assertKept(tally, `seed ${SEED}\n${daemon.logEnd}`);
      assert.deepEqual(tally.unacknowledged, [], "what was refused is not delivered");
      figures.add("acknowledged", ledger.acknowledgedCount);
      figures.add("lost", tally.lost.length);
      figures.add("twice", tally.twice.length);
    }
    assert.ok(
      daemon.children.some(({ pid }) => pid === queue?.pid),
      "it lives",
    );
    figures.tell(context);
  });
}

test("calls that a signal interrupts are made again, and nobody notices", { skip }, async () => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch);
  const { daemon } = rig;
  await daemon.start();
  const queue = daemon.children.find(({ role }) => role === "queue");
  for (const calls of CALLS) {
    const fault = { calls, effect: "error=EINTR", when: "1..2" };
    await using _ = await Injection.into(queue?.pid ?? 0, fault, scratch);
    for (const size of [4 * KIB, 300 * KIB]) {
      assert.ok((await sendOne(rig, size)).isTaken, `${calls}, ${size} bytes`);
    }
  }
  await daemon.drain();
});
