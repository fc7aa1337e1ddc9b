/**
 * The power goes at a chosen moment: while retries are written down, while messages are
 * finished, while their senders are told that they failed, and while the journal is compacted
 * and a checkpoint written. Of one message, since under load the syncs of one hide what
 * another lacks, and of many.
 *
 * CUTS sets how often for each (1 if left out), SEED repeats a run. Needs root; skipped
 * by name elsewhere. See docs/durability.md.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, Figures, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import { GONE } from "./mailboxes.ts";
import { CuttableDisk, type DiskFileSystem, unlessCuttable } from "./mounts.ts";
import { run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

/** The machine may have much to do. */
const SIGN_WITHIN_MS = 60_000;

const CUTS = Number(process.env["CUTS"] ?? 1);

const unstartable = await unlessStartable();

interface Moment {
  readonly name: string;
  readonly recipient: string;
  /** Whether attempts are made while the mail comes; otherwise none is before `begin`. */
  readonly isPaused: boolean;
  readonly isRelayBusy: boolean;
  /** Does that in whose middle the power goes. */
  readonly begin: (rig: DurabilityRig) => Promise<unknown>;
  /** Something that grows when it has begun. */
  readonly signOf: (rig: DurabilityRig) => number;
  /** From then on it takes about as long. */
  readonly withinMs: number;
}

/** What the relay was asked for. */
const asked = ({ sink }: DurabilityRig): number => sink.asked;

/** Segments and checkpoints that there ever were, or nearly. */
function filesMade({ daemon }: DurabilityRig): number {
  const spool = `${daemon.stateFolder}/spool`;
  const newest = readdirSync(`${spool}/journal`).toSorted().at(-1) ?? "0";
  return Number.parseInt(newest, 10) + (existsSync(`${spool}/checkpoint`) ? 1 : 0);
}

const MOMENTS: readonly Moment[] = [
  {
    name: "retries are written down",
    recipient: "carla@out.example",
    isPaused: false,
    isRelayBusy: true,
    begin: ({ daemon }) => daemon.smtpctl("schedule", "all", "-y"),
    signOf: asked,
    withinMs: 60,
  },
  {
    name: "messages are finished",
    recipient: "carla@out.example",
    isPaused: true,
    isRelayBusy: false,
    begin: ({ daemon }) => daemon.smtpctl("resume", "mta"),
    signOf: asked,
    withinMs: 60,
  },
  {
    name: "senders are told of failures",
    recipient: GONE,
    isPaused: true,
    isRelayBusy: false,
    begin: ({ daemon }) => daemon.smtpctl("resume", "mta"),
    signOf: asked,
    withinMs: 60,
  },
  {
    name: "the journal is compacted",
    recipient: "carla@out.example",
    isPaused: true,
    isRelayBusy: false,
    begin: async ({ daemon }) => {
      await daemon.stop();
      await run(daemon.compaction);
    },
    signOf: filesMade,
    withinMs: 20,
  },
];

async function cutOnce(
  fileSystem: DiskFileSystem,
  moment: Moment,
  count: number,
  figures: Figures,
): Promise<void> {
  await using scratch = new Scratch();
  const disk = CuttableDisk.make(scratch, fileSystem);
  const rig = await DurabilityRig.make(scratch, { stateFolder: `${disk.folder}/state` });
  const { daemon, sink, random } = rig;
  await daemon.start(moment.isPaused ? ["-P", "mta", "-P", "mda"] : []);
  sink.isBusy = moment.isRelayBusy;
  const { ledger, client } = rig.load({
    sessions: Math.min(count, 8),
    count,
    recipients: [moment.recipient],
    sizesBytes: count === 1 ? [4096] : [4096, 4096, 300 * 1024],
  });
  await client.finished;
  const before = moment.signOf(rig);
  const done = moment.begin(rig);
  await until(() => moment.signOf(rig) > before, `sign of it: ${moment.name}`, SIGN_WITHIN_MS, 1);
  await pause(random.below(moment.withinMs));
  disk.cut();
  await daemon.kill();
  await done;
  await disk.revive();
  sink.isBusy = false;
  await daemon.start([]);
  await daemon.drain();
  const reported = new Set(rig.reported());
  const tally = ledger.tally(rig.arrivals());
  const lost = tally.lost.filter((id) => !reported.has(id));
  assertKept({ ...tally, lost }, `seed ${SEED}\n${daemon.logEnd}`);
  assert.equal(ledger.acknowledgedCount, count);
  figures.add("cuts", 1);
  figures.add("acknowledged", count);
  figures.add("reported", reported.size);
  figures.add("lost", lost.length);
  figures.add("twice", tally.twice.length);
}

for (const fileSystem of ["ext4", "xfs"] as const) {
  for (const moment of MOMENTS) {
    for (const count of [1, 40]) {
      test(`the power of ${fileSystem} is cut while ${moment.name}, ${count} of them: nothing is lost`, {
        skip: unstartable || unlessCuttable(fileSystem),
      }, async (context) => {
        const figures = new Figures();
        for (let cut = 0; cut < CUTS; cut++) await cutOnce(fileSystem, moment, count, figures);
        figures.tell(context);
      });
    }
  }
}
