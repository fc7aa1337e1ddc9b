/**
 * One message in a checkpoint: what the ledger keeps of it, in numbers at fixed places, and
 * behind that the message with its state, as a restatement in the journal has it.
 *
 *   0  bytes of the whole   4  msgid     8  segment's number   12  offset of its record
 *  16  its share of that   20  bytes of its text, 8           28  1 if that is in a blob
 *  29  envelopes           33  for each: half an evpid, segment and offset of its last try, 1 if held
 *
 * The ledger is filled, and a message that did not change is copied, without reading the rest.
 */
import type { ByteWriter } from "#base/byte-writer.ts";
import { decode } from "#base/codec.ts";
import type { KnownEnvelope, KnownMessage, Position } from "./live-message.ts";
import { entryCodec, type Restated } from "./record-entries.ts";

const ENVELOPES_AT = 29;
const FIXED_BYTES = 33;
const ENVELOPE_BYTES = 13;

/** A message as it lies in a block of a checkpoint. */
export interface CheckpointEntry {
  readonly known: KnownMessage;
  /** All of it: a view of the block. */
  readonly encoded: Uint8Array;
}

/** Appends a message. */
export function writeCheckpointEntry(
  writer: ByteWriter,
  known: KnownMessage,
  message: Restated,
): void {
  const start = writer.length;
  writer.u32(0);
  writer.u32(known.msgid);
  writer.u32(known.sequence);
  writer.u32(known.at);
  writer.u32(known.share);
  writer.u53(known.textBytes);
  writer.u8(known.inBlob ? 1 : 0);
  writer.u32(known.envelopes.length);
  for (const { low, tried, held } of known.envelopes) {
    writer.u32(low);
    writer.u32(tried?.sequence ?? 0);
    writer.u32(tried?.at ?? 0);
    writer.u8(held ? 1 : 0);
  }
  entryCodec.write(writer, message);
  writer.setU32(start, writer.length - start);
}

/** The messages of a block, in order; undefined if it is none. */
export function readCheckpointEntries(block: Uint8Array): readonly CheckpointEntry[] | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const entries: CheckpointEntry[] = [];
  for (let at = 0; at < block.length; ) {
    if (at + FIXED_BYTES > block.length) return undefined;
    const end = at + view.getUint32(at);
    const envelopes = view.getUint32(at + ENVELOPES_AT);
    const fixedEnd = at + FIXED_BYTES + envelopes * ENVELOPE_BYTES;
    if (end > block.length || fixedEnd > end) return undefined;
    entries.push({ known: knownAt(view, at, envelopes), encoded: block.subarray(at, end) });
    at = end;
  }
  return entries;
}

/** The message itself; undefined if it does not decode. */
export function messageIn({ known, encoded }: CheckpointEntry): Restated | undefined {
  const fixed = FIXED_BYTES + known.envelopes.length * ENVELOPE_BYTES;
  const decoded = decode(entryCodec, encoded.subarray(fixed));
  if (decoded.kind === "decode-fault" || decoded.value.kind !== "restated") return undefined;
  return decoded.value;
}

function knownAt(view: DataView, at: number, count: number): KnownMessage {
  const envelopes: KnownEnvelope[] = [];
  for (let nth = 0; nth < count; nth++) {
    const from = at + FIXED_BYTES + nth * ENVELOPE_BYTES;
    const tried = positionAt(view, from + 4);
    envelopes.push({ low: view.getUint32(from), tried, held: view.getUint8(from + 12) === 1 });
  }
  return {
    msgid: view.getUint32(at + 4),
    sequence: view.getUint32(at + 8),
    at: view.getUint32(at + 12),
    share: view.getUint32(at + 16),
    textBytes: view.getUint32(at + 20) * 0x1_0000_0000 + view.getUint32(at + 24),
    inBlob: view.getUint8(at + 28) === 1,
    envelopes,
  };
}

/** The record of the last try; none has the number 0. */
function positionAt(view: DataView, at: number): Position | undefined {
  const sequence = view.getUint32(at);
  return sequence === 0 ? undefined : { sequence, at: view.getUint32(at + 4) };
}
