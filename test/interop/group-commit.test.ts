/**
 * How many syncs the 250s of a load cost, counted by strace(1): messages that come together
 * become durable together, and one that comes alone costs exactly one.
 *
 * Every write to the journal is a sync (O_DSYNC); texts are small, so that none has a file
 * of its own, and nothing is delivered meanwhile. MESSAGES says how many (1,000 if left
 * out). Each traced call takes longer than it would, so more messages share one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { DurabilityRig } from "./durability-load.ts";
import { letGo, tracerOf, unlessInjectable } from "./injection.ts";
import { Scratch } from "./scratch.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? 1000);
const ALONE = 50;
const SESSIONS = 50;

const SYNCS = "pwrite64,pwritev,fdatasync,fsync";

const skip = (await unlessStartable()) || unlessInjectable();

/** Who is counted, what for, and where strace writes its table. */
interface Counted {
  readonly pid: number;
  readonly segment: string;
  readonly tablePath: string;
}

/** Syncs of a segment until `work` is done, as `strace -c` counts them. */
async function countSyncs(
  { pid, segment, tablePath }: Counted,
  work: () => Promise<void>,
): Promise<number> {
  const filter = ["-e", `trace=${SYNCS}`, "-P", segment];
  const tracer = await tracerOf(pid, ["-c", "-f", ...filter, "-o", tablePath]);
  await work();
  await letGo(tracer);
  // "% time, seconds, usecs/call, calls, (errors), syscall", and a line for the total.
  const total = readFileSync(tablePath, "latin1").match(/^100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$/m);
  return Number(total?.[1] ?? 0);
}

test("messages that come together share a sync, and one that comes alone has its own", {
  skip,
}, async (context) => {
  await using scratch = new Scratch();
  const rig = await DurabilityRig.make(scratch, { options: ["-P", "mta", "-P", "mda"] });
  const { daemon } = rig;
  await daemon.start();
  const send = async (sessions: number, count: number): Promise<void> => {
    const { client, ledger } = rig.load({ sessions, count, sizesBytes: [1024] });
    await client.finished;
    assert.equal(ledger.acknowledgedCount, count);
  };
  await send(1, 1); // It makes the journal's first segment.
  const queue = daemon.children.find(({ role }) => role === "queue");
  const counted: Counted = {
    pid: queue?.pid ?? 0,
    segment: `${daemon.stateFolder}/spool/journal/00000001.seg`,
    tablePath: `${scratch.folder}/calls`,
  };
  const alone = await countSyncs(counted, () => send(1, ALONE));
  const together = await countSyncs(counted, () => send(SESSIONS, MESSAGES));
  context.diagnostic(
    `alone: ${alone} syncs for ${ALONE} messages; ` +
      `${SESSIONS} sessions: ${together} syncs for ${MESSAGES} messages`,
  );
  assert.equal(alone, ALONE);
  assert.ok(together < MESSAGES / 2, `${together} syncs for ${MESSAGES} messages`);
});
