/**
 * `kill -9` in the middle of one system call of the queue, by strace(1): in each kind of call
 * that the spool consists of, while mail comes, is deferred, delivered, and reported about; and
 * in each of those of a compaction, which also writes a checkpoint. Whatever got its 250 is
 * delivered, or its sender was told that it was not.
 *
 * POINTS says how many calls of each kind (2 if left out). See docs/durability.md.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, Figures, type Load, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import { Injection, straceWords, unlessInjectable } from "./injection.ts";
import { GONE } from "./mailboxes.ts";
import { run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const POINTS = Number(process.env["POINTS"] ?? 2);
/** Of one daemon's queue. */
const KILLS_EACH = 3;
const KIB = 1024;

const skip = (await unlessStartable()) || unlessInjectable();

/** Half of it large, so that there are blobs. */
function mixedLoad(rig: DurabilityRig): Load {
  return rig.load({
    sessions: 2,
    recipients: ["anna@local.example", "carla@out.example", GONE],
    sizesBytes: [4 * KIB, 300 * KIB],
  });
}

/** All that was acknowledged was delivered or reported; only around a kill comes anything twice. */
function assertDelivered(rig: DurabilityRig, { ledger }: Load, figures: Figures): void {
  const reported = new Set(rig.reported());
  const tally = ledger.tally(rig.arrivals());
  const lost = tally.lost.filter((id) => !reported.has(id));
  assertKept({ ...tally, lost }, `seed ${SEED}\n${rig.daemon.logEnd}`);
  figures.add("acknowledged", ledger.acknowledgedCount);
  figures.add("reported", reported.size);
  figures.add("lost", lost.length);
  figures.add("twice", tally.twice.length);
}

const QUEUE_CALLS = ["openat", "pwrite64", "pwritev", "fdatasync", "fsync", "unlink"];

/** On a daemon of its own each: one that loses its queue again and again waits ever longer. */
async function killInCalls(
  calls: string,
  points: readonly number[],
  figures: Figures,
): Promise<void> {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch);
  const { daemon, sink } = rig;
  await daemon.start();
  const load = mixedLoad(rig);
  await until(() => load.ledger.acknowledgedCount > 0, "message that was acknowledged");
  for (const point of points) {
    const victim = daemon.children.find(({ role }) => role === "queue");
    assert.ok(victim !== undefined, "there is a queue");
    sink.isBusy = point % 2 === 0;
    const fault = { calls, effect: "signal=KILL", when: String(point) };
    await using _ = await Injection.into(victim.pid, fault, scratch);
    const isNew = ({ role, pid }: { readonly role: string; readonly pid: number }): boolean =>
      role === "queue" && pid !== victim.pid;
    await until(() => daemon.children.some(isNew), `queue after one that died in ${calls}`);
    const before = load.ledger.acknowledgedCount;
    await until(() => load.ledger.acknowledgedCount > before, "message after the kill");
    figures.add("kills", 1);
  }
  sink.isBusy = false;
  await load.client.stop();
  await daemon.drain();
  assertDelivered(rig, load, figures);
}

for (const calls of QUEUE_CALLS) {
  test(`a queue that is killed in ${calls} comes back by itself, and nothing that got its 250 is lost`, {
    skip,
  }, async (context) => {
    const figures = new Figures();
    const points = Array.from({ length: POINTS }, (_, at) => at + 1);
    for (let at = 0; at < POINTS; at += KILLS_EACH) {
      await killInCalls(calls, points.slice(at, at + KILLS_EACH), figures);
    }
    figures.tell(context);
  });
}

/** Without openat: the first thousand are the program's own, which is being loaded. */
const COMPACTION_CALLS = ["pwrite64", "pwritev", "fdatasync", "fsync", "rename", "unlink"];

test("a compaction that is killed in any of its calls leaves all mail where it was, or where it put it", {
  skip,
}, async (context) => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch, { options: ["-P", "mta", "-P", "mda"] });
  const { daemon } = rig;
  const figures = new Figures();
  await daemon.start();
  const load = mixedLoad(rig);
  await until(() => load.ledger.acknowledgedCount > 20, "messages that were acknowledged");
  await load.client.stop();
  await daemon.stop();
  for (const calls of COMPACTION_CALLS) {
    for (let point = 1; point <= POINTS; point++) {
      const words = straceWords({ calls, effect: "signal=KILL", when: String(point) });
      const output = `${scratch.folder}/strace`;
      const { code } = await run(["strace", ...words, "-o", output, ...daemon.compaction]);
      figures.add(code === 0 ? "ended before that" : "kills", 1);
    }
  }
  await daemon.start([]);
  await daemon.drain();
  assertDelivered(rig, load, figures);
  figures.tell(context);
});
