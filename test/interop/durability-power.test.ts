/**
 * The power goes: a file system in an image file, ext4 or xfs, is shut down under the
 * daemon, and a copy of the image is mounted in its place. Everything that had its 250
 * before the cut is there; what was recorded as delivered is in its Maildir.
 *
 * CUTS sets how often for each (1 if left out), SEED repeats a run. Needs root; skipped
 * by name elsewhere. See docs/durability.md.
 */
import assert from "node:assert/strict";
import { chownSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { unlessStartable } from "./daemon.ts";
import { assertKept, DurabilityRig, Figures, type LoadSettings, SEED } from "./durability-load.ts";
import { CuttableDisk, type DiskFileSystem, unlessCuttable } from "./mounts.ts";
import { MAIL_GID, MAIL_UID, Scratch } from "./scratch.ts";

const CUTS = Number(process.env["CUTS"] ?? 1);
const MIN_LOAD_MS = 100;
const MAX_LOAD_MS = 1500;

const unstartable = await unlessStartable();

/** What is on the disk that loses its power; the rest is on the machine's own. */
interface Setup {
  readonly name: string;
  readonly holds: "spool" | "mail" | "both";
  readonly load: Partial<LoadSettings>;
  /** Of the daemon that the power is taken from. */
  readonly options?: readonly string[];
}

const SINGLE: Partial<LoadSettings> = { sessions: 1, count: 1 };
/** No attempt is made, so that nothing is synced but what the 250 needs. */
const PAUSED: readonly string[] = ["-P", "mta", "-P", "mda"];

const SETUPS: readonly Setup[] = [
  { name: "the spool, under load", holds: "spool", load: {} },
  {
    name: "the spool, behind a single message",
    holds: "spool",
    load: { ...SINGLE, sizesBytes: [4096] },
    options: PAUSED,
  },
  {
    name: "the spool, behind a single large message",
    holds: "spool",
    load: { ...SINGLE, sizesBytes: [1024 * 1024] },
    options: PAUSED,
  },
  {
    name: "the Maildirs, under load",
    holds: "mail",
    load: { recipients: ["anna@local.example", "berta@local.example"] },
  },
  {
    name: "the Maildirs, behind a single message",
    holds: "mail",
    load: { ...SINGLE, recipients: ["anna@local.example"] },
  },
  { name: "spool and Maildirs, under load", holds: "both", load: {} },
];

async function rigOn(scratch: Scratch, disk: CuttableDisk, setup: Setup): Promise<DurabilityRig> {
  const state = { stateFolder: `${disk.folder}/state` };
  if (setup.holds === "spool") return DurabilityRig.make(scratch, state);
  const mailFolder = `${disk.folder}/mail`;
  mkdirSync(mailFolder);
  chownSync(mailFolder, MAIL_UID, MAIL_GID);
  return DurabilityRig.make(scratch, { mailFolder, ...(setup.holds === "both" ? state : {}) });
}

async function cutOnce(fileSystem: DiskFileSystem, setup: Setup, figures: Figures): Promise<void> {
  await using scratch = new Scratch();
  const disk = CuttableDisk.make(scratch, fileSystem);
  const rig = await rigOn(scratch, disk, setup);
  const { daemon, sink, random } = rig;
  await daemon.start(setup.options);
  // Of what is relayed, most waits in the queue for its second attempt when the power goes.
  sink.isBusy = setup.holds !== "mail";
  const { ledger, client } = rig.load(setup.load);
  if (setup.load.count === undefined) {
    await pause(MIN_LOAD_MS + random.below(MAX_LOAD_MS - MIN_LOAD_MS));
  } else {
    await client.finished;
    if (setup.holds === "mail") await daemon.drain();
  }
  // Before the cut: a 250 may race with it.
  const owed = ledger.snapshot();
  disk.cut();
  await daemon.kill();
  await client.stop();
  await disk.revive();
  sink.isBusy = false;
  await daemon.start([]);
  await daemon.drain();
  const tally = ledger.tally(rig.arrivals(), owed);
  assertKept(tally, `seed ${SEED}\n${daemon.logEnd}`);
  assert.ok(owed.size > 0, "nothing was acknowledged");
  figures.add("cuts", 1);
  figures.add("acknowledged", owed.size);
  figures.add("lost", tally.lost.length);
  figures.add("altered", tally.altered.length);
  figures.add("twice", tally.twice.length);
  figures.add("delivered without a 250", tally.unacknowledged.length);
}

for (const fileSystem of ["ext4", "xfs"] as const) {
  for (const setup of SETUPS) {
    test(`the power of ${fileSystem} is cut below ${setup.name}: nothing that got its 250 is lost`, {
      skip: unstartable || unlessCuttable(fileSystem),
    }, async (context) => {
      const figures = new Figures();
      for (let cut = 0; cut < CUTS; cut++) await cutOnce(fileSystem, setup, figures);
      figures.tell(context);
    });
  }
}
