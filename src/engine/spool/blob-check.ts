/**
 * At the start: whether the blobs that unfinished messages name are there, in their length,
 * and whether their keys are. What is in them is checked when they are read.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Ledger } from "./ledger.ts";
import type { LiveMessage } from "./live-message.ts";
import { MissingKeys } from "./missing-keys.ts";
import type { Quarantine } from "./quarantine.ts";
import type { StartProgress } from "./start-progress.ts";
import type { Keyring } from "./queue-keys.ts";
import { type TextStamp, textOf } from "./record-entries.ts";
import { RecordReader } from "./record-reader.ts";

export interface BlobCheckParts {
  readonly files: Files;
  readonly blobs: BlobStore;
  readonly quarantine: Quarantine;
  readonly keys: Keyring;
  readonly progress: StartProgress;
}

/**
 * Forgets the messages whose blob is missing or has the wrong length; what is left is kept.
 *
 * @throws {UnusableSpool} if a key is missing; nothing was changed then.
 * @throws {FilesError}
 */
export async function checkBlobs(parts: BlobCheckParts, ledger: Ledger): Promise<void> {
  const stamps = await stampsOf(parts, ledger);
  const missing = new MissingKeys(parts.keys);
  for (const [{ msgid }, stamp] of stamps) missing.look(stamp?.keyId, parts.blobs.path(msgid));
  missing.refuse();
  const lost = new Set<string>();
  let checked = 0;
  for (const [message, stamp] of stamps) {
    parts.progress.reached("blobs", checked++, stamps.size);
    const fault = await blobFault(parts, message, stamp);
    if (fault === undefined) continue;
    lost.add(message.msgid);
    const { segment, at, bytes } = message;
    const copied = await parts.quarantine.copy(segment.path, { at, bytes }, fault);
    // Without a copy the segment must stay: to the one who unlinks, a message lives in it.
    if (!copied) segment.liveMessages++;
  }
  if (lost.size > 0) ledger.lose(lost);
}

/** Messages with a blob, and what their records say of it; undefined if one cannot be read. */
async function stampsOf(
  { files }: BlobCheckParts,
  ledger: Ledger,
): Promise<ReadonlyMap<LiveMessage, TextStamp | undefined>> {
  const stamps = new Map<LiveMessage, TextStamp | undefined>();
  const reader = new RecordReader(files, (sequence) => ledger.segment(sequence));
  try {
    for (const message of ledger.blobMessages()) {
      const { segment, at, msgid } = message;
      const record = await reader.read({ sequence: segment.sequence, at });
      stamps.set(message, record && textOf(record, msgid)?.stamp);
    }
  } finally {
    await reader.close();
  }
  return stamps;
}

async function blobFault(
  { files, blobs }: BlobCheckParts,
  { msgid }: LiveMessage,
  stamp: TextStamp | undefined,
): Promise<string | undefined> {
  if (stamp === undefined) return `the record that names the blob of ${msgid} is damaged`;
  try {
    const { kind, bytes } = await files.stat(blobs.path(msgid));
    if (kind === "file" && bytes === stamp.storedBytes) return undefined;
    return `the text of ${msgid} in its blob has the wrong length`;
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
    return `the blob of ${msgid} is missing`;
  }
}
