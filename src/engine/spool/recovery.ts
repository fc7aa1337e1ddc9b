/**
 * Recovery: folds every segment into the messages that are not finished.
 *
 * It stops at nothing that a disk can do to a file: torn tails, damaged records
 * and missing blobs are kept in quarantine, told, and passed. It reads texts for
 * their checksums only. Before it returns, what it found is durable, so that the
 * rest of the spool may act on it (after `kill -9` some of it may not have been).
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { BlobStore } from "./blob-store.ts";
import { FileWindow } from "./file-window.ts";
import { MissingKeys } from "./missing-keys.ts";
import type { JournalPast } from "./journal.ts";
import type { Ledger, LiveMessage } from "./ledger.ts";
import { clearOrphans } from "./orphans.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Keyring } from "./queue-keys.ts";
import type { RecordEntry } from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import { HEADER_BYTES } from "./segment-header.ts";
import { type FoundSegment, SegmentFinder } from "./segment-reading.ts";
import { type Finding, scanSegment } from "./segment-scan.ts";
import { tolerate } from "./file-faults.ts";
import type { StoredMessage } from "./spool.ts";
import { Unfinished, untried } from "./unfinished.ts";

export interface RecoveryParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly journalFolder: string;
  readonly blobFolder: string;
  readonly ledger: Ledger;
  readonly quarantine: Quarantine;
  readonly blobs: BlobStore;
  readonly keys: Keyring;
}

export interface Recovered {
  readonly messages: readonly StoredMessage[];
  readonly past: JournalPast;
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
  const unfinished = new Unfinished();
  for (const each of found) await foldSegment(parts, each, unfinished);
  const last = found.at(-1)?.segment;
  if (last !== undefined) await makeDurable(files, last, journalFolder);
  const lost = await checkBlobs(parts);
  await clearOrphans(parts);
  return {
    messages: unfinished.take().filter(({ message }) => !lost.has(message.msgid)),
    past: {
      segments: found.map(({ segment }) => segment),
      nextSequence: finder.nextSequence,
      end: last === undefined ? undefined : { sequence: last.sequence, bytes: last.bytes },
    },
  };
}

async function foldSegment(
  parts: RecoveryParts,
  { segment, isLast, missingBytes }: FoundSegment,
  unfinished: Unfinished,
): Promise<void> {
  if (missingBytes > 0) {
    const reason = `${missingBytes} bytes are missing at the end`;
    parts.quarantine.report(segment.path, segment.bytes, reason);
  }
  const file = await parts.files.open(segment.path, "read");
  try {
    let end = Math.min(HEADER_BYTES, segment.bytes);
    for await (const finding of scanSegment(new FileWindow(file), segment, segment.bytes)) {
      if (finding.kind === "record") {
        end = finding.at + finding.bytes;
        foldRecord(parts.ledger, unfinished, { segment, finding });
      } else {
        await keepDamage(parts.quarantine, segment, finding);
      }
    }
    // What follows the last record of the last segment is a torn write: from now on it is void.
    if (isLast) segment.bytes = end;
  } finally {
    await tolerate(file.close());
  }
}

function foldRecord(
  ledger: Ledger,
  unfinished: Unfinished,
  record: { readonly segment: Segment; readonly finding: Extract<Finding, { kind: "record" }> },
): void {
  const { segment, finding } = record;
  for (const entry of finding.entries) applyEntry(unfinished, entry);
  const { at, bytes, textsAt } = finding;
  ledger.apply(finding.entries, { segment, at, bytes, textsAt });
}

function applyEntry(unfinished: Unfinished, entry: RecordEntry): void {
  if (entry.kind === "restated") unfinished.restore(entry);
  else if (entry.kind === "accepted") {
    unfinished.restore({ message: entry.message, envelopes: entry.envelopes.map(untried) });
  } else unfinished.apply(entry);
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

/** Drops the messages whose blob is missing or has the wrong length; returns their ids. */
async function checkBlobs(parts: RecoveryParts): Promise<ReadonlySet<string>> {
  const lost = new Set<string>();
  const messages = parts.ledger.blobMessages();
  const missing = new MissingKeys(parts.keys);
  for (const { msgid, text } of messages) missing.look(text.keyId, parts.blobs.path(msgid));
  missing.refuse();
  for (const message of messages) {
    const fault = await blobFault(parts, message);
    if (fault === undefined) continue;
    lost.add(message.msgid);
    parts.ledger.lose(message.msgid);
    const stretch = { at: message.at, bytes: message.bytes };
    const copied = await parts.quarantine.copy(message.segment.path, stretch, fault);
    if (!copied) message.segment.liveMessages++;
  }
  return lost;
}

async function blobFault(
  { files, blobs }: RecoveryParts,
  message: LiveMessage,
): Promise<string | undefined> {
  const path = blobs.path(message.msgid);
  try {
    const { kind, bytes } = await files.stat(path);
    if (kind === "file" && bytes === message.text.storedBytes) return undefined;
    return `the text of ${message.msgid} in its blob has the wrong length`;
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
    return `the blob of ${message.msgid} is missing`;
  }
}
