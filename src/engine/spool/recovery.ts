/**
 * Recovery: finds the messages that are not finished, from the last checkpoint and what the
 * journal says behind it, or from all of the journal.
 *
 * It stops at nothing that a disk can do to a file: torn tails, damaged records
 * and missing blobs are kept in quarantine, told, and passed. Texts are read for their
 * checksums in the last segment alone, where a crash may have torn them: what is in the
 * others was durable once, and is checked when it is read. Before it returns, what it found is
 * durable, so that the rest of the spool may act on it (after `kill -9` some of it may not have been).
 */
import type { Files } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { BlobStore } from "./blob-store.ts";
import { compareWithJournal, type FoundJournal } from "./checkpoint-check.ts";
import { partialCheckpointPath } from "./checkpoint-format.ts";
import { Checkpoint, UnusableCheckpoint } from "./checkpoint-reader.ts";
import type { LastCheckpoint } from "./checkpoints.ts";
import { FileWindow } from "./file-window.ts";
import type { JournalPast } from "./journal.ts";
import { Ledger } from "./ledger.ts";
import type { Position } from "./live-message.ts";
import { checkBlobs } from "./blob-check.ts";
import { clearOrphans } from "./orphans.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Keyring } from "./queue-keys.ts";
import type { Segment } from "./segment.ts";
import { HEADER_BYTES } from "./segment-header.ts";
import { type FoundSegment, missingAt, SegmentFinder } from "./segment-reading.ts";
import { type Finding, scanSegment } from "./segment-scan.ts";
import { tolerate, unlinkIfThere } from "./file-faults.ts";
import type { StartProgress } from "./start-progress.ts";
import { TailStates } from "./tail-states.ts";
import { newerRecord } from "./unusable-spool.ts";

export interface RecoveryParts {
  readonly files: Files;
  readonly observe: Observe;
  /** The spool's. */
  readonly folder: string;
  readonly journalFolder: string;
  readonly blobFolder: string;
  readonly quarantine: Quarantine;
  readonly blobs: BlobStore;
  readonly keys: Keyring;
  readonly progress: StartProgress;
}

export interface Recovered {
  readonly ledger: Ledger;
  /** The one that was used. */
  readonly checkpoint: LastCheckpoint | undefined;
  /** Of the journal behind the checkpoint; undefined without one. */
  readonly tail: TailStates | undefined;
  readonly past: JournalPast;
}

/** What is known before the journal is read, and from where on that is needed. */
interface Start {
  readonly ledger: Ledger;
  readonly checkpoint: LastCheckpoint | undefined;
  readonly from: Position;
}

/**
 * @throws {UnusableSpool} if a segment has another format, or a key is missing; nothing is lost then.
 * @throws {FilesError} if a folder or file cannot be opened or made durable.
 */
export async function recover(parts: RecoveryParts): Promise<Recovered> {
  const { files, journalFolder, quarantine } = parts;
  const headerless = {
    keep: (path: string, reason: string) => quarantine.move(path, reason),
    drop: (path: string) => tolerate(files.unlink(path)),
  };
  const finder = new SegmentFinder({ ...parts, headerless });
  const found = await finder.find();
  await unlinkIfThere(files, partialCheckpointPath(parts.folder));
  const { ledger, checkpoint, from } = await startOf(parts, { found, highest: finder.highest });
  // Without a checkpoint states are near the messages, and far too many to be kept.
  const tail = checkpoint && new TailStates();
  const fold = { ledger, tail, from, bytes: bytesFrom(found, from) };
  for (const each of found) {
    const { path, bytes, sequence } = each.segment;
    for (const reason of missingAt(each)) {
      quarantine.report(path, bytes, reason);
      tail?.missed();
    }
    if (sequence >= from.sequence) await foldSegment(parts, fold, each);
  }
  const last = found.at(-1)?.segment;
  if (last !== undefined) await makeDurable(files, last, journalFolder);
  await checkBlobs(parts, ledger);
  await clearOrphans({ ...parts, ledger });
  return {
    ledger,
    checkpoint,
    tail,
    past: {
      segments: found.map(({ segment }) => segment),
      nextSequence: Math.max(finder.highest, from.sequence) + 1,
      end: last === undefined ? undefined : { sequence: last.sequence, bytes: last.bytes },
    },
  };
}

async function startOf(parts: RecoveryParts, journal: FoundJournal): Promise<Start> {
  const { files, folder, keys, observe } = parts;
  let checkpoint: Checkpoint | undefined;
  try {
    checkpoint = await Checkpoint.open(files, folder, keys);
    if (checkpoint !== undefined) return await startFrom(parts, checkpoint, journal);
  } catch (error) {
    if (!(error instanceof UnusableCheckpoint)) throw error;
    const text = `The checkpoint of the spool is not used: ${error.message}`;
    observe({ kind: "warning", text });
  } finally {
    await checkpoint?.close();
  }
  // What the checkpoint counted before it turned out to be damaged.
  for (const { segment } of journal.found) {
    segment.liveMessages = 0;
    segment.liveBytes = 0;
  }
  return { ledger: new Ledger(), checkpoint: undefined, from: { sequence: 0, at: 0 } };
}

/** @throws {UnusableCheckpoint} if it is damaged, or the journal says otherwise. */
async function startFrom(
  { progress }: RecoveryParts,
  checkpoint: Checkpoint,
  { found, highest }: FoundJournal,
): Promise<Start> {
  const { end, fileBytes } = checkpoint;
  const covered = await checkpoint.covered();
  compareWithJournal({ end, covered }, { found, highest });
  const ledger = new Ledger();
  ledger.expect(covered);
  ledger.startFrom(
    end,
    found.map(({ segment }) => segment).filter(({ sequence }) => sequence <= end.sequence),
  );
  for await (const entries of checkpoint.entries()) {
    for (const { known } of entries) ledger.restore(known);
    progress.reached("checkpoint", ledger.messages, covered.messages);
  }
  return { ledger, checkpoint: { end, fileBytes }, from: end };
}

/** What the journal is folded into, and from where on. */
interface Fold {
  readonly ledger: Ledger;
  readonly tail: TailStates | undefined;
  readonly from: Position;
  /** From there on. */
  readonly bytes: number;
}

async function foldSegment(
  parts: RecoveryParts,
  { ledger, tail, from, bytes: bytesInAll }: Fold,
  { segment, isLast }: FoundSegment,
): Promise<void> {
  const { quarantine, files } = parts;
  const start = segment.sequence === from.sequence ? from.at : 0;
  const file = await files.open(segment.path, "read");
  try {
    let end = Math.max(start, Math.min(HEADER_BYTES, segment.bytes));
    const stretch = { from: start, end: segment.bytes };
    const texts = isLast ? "checked" : "skipped";
    for await (const finding of scanSegment(new FileWindow(file), segment, stretch, texts)) {
      if (finding.kind === "record") {
        const { at, bytes, entries } = finding;
        end = at + bytes;
        ledger.apply(entries, { segment, at, bytes });
        parts.progress.reached("journal", ledger.bytesApplied, bytesInAll);
        tail?.note(entries, { sequence: segment.sequence, at });
      } else if (finding.kind === "damage") {
        tail?.missed();
        await keepDamage(quarantine, segment, finding);
      } else {
        throw newerRecord(segment.path, finding.at);
      }
    }
    // What follows the last record of the last segment is a torn write: from now on it is void.
    if (isLast) segment.bytes = end;
  } finally {
    await tolerate(file.close());
  }
}

function bytesFrom(found: readonly FoundSegment[], from: Position): number {
  let bytes = 0;
  for (const { segment } of found) {
    if (segment.sequence < from.sequence) continue;
    bytes += segment.bytes - (segment.sequence === from.sequence ? from.at : 0);
  }
  return bytes;
}

async function keepDamage(
  quarantine: Quarantine,
  segment: Segment,
  damage: Extract<Finding, { kind: "damage" }>,
): Promise<void> {
  const copied = await quarantine.copy(segment.path, damage, damage.reason);
  // Without a copy the segment must stay: to the one who unlinks, a message lives in it.
  if (!copied) segment.liveMessages++;
}

/** After kill -9 the end of the last segment may be in memory only. */
async function makeDurable(files: Files, last: Segment, folder: string): Promise<void> {
  const file = await files.open(last.path, "update");
  try {
    await file.sync();
  } finally {
    await tolerate(file.close());
  }
  await files.syncFolder(folder);
}
