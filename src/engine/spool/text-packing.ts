/** Gives a text of the journal the form in which it lies behind the head of a record. */
import { checksumOf } from "./checksum.ts";
import type { TextStamp } from "./record-entries.ts";
import { chunksOf, storesRaw, type TextStorage } from "./text-chunks.ts";

export interface PackedText {
  readonly stamp: TextStamp;
  /** To be written as they are, or encrypted as chunks when their place is known. */
  readonly stored: readonly Uint8Array[];
}

export function packText(text: readonly Uint8Array[], storage: TextStorage): PackedText {
  const bytes = lengthOf(text);
  const place = { bytes, checksum: checksumOf(text), inBlob: false, keyId: undefined };
  if (storesRaw(storage)) {
    return { stamp: { ...place, form: "raw", storedBytes: bytes }, stored: text };
  }
  const stored = chunksOf(text, storage);
  const form = storage.encrypts ? "encrypted" : "chunks";
  return { stamp: { ...place, form, storedBytes: lengthOf(stored) }, stored };
}

/** A text that was damaged when it was to be written anew: the message is kept, and says so. */
export function lostText(stamp: TextStamp): PackedText {
  return { stamp: { ...stamp, form: "lost", storedBytes: 0, keyId: undefined }, stored: [] };
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
