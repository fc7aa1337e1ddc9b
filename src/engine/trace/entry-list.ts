/** Entries in a block: each with its length, so that one of a kind that is not known costs only itself. */
import { ByteReader } from "#base/byte-reader.ts";
import type { ByteWriter } from "#base/byte-writer.ts";
import { decode } from "#base/codec.ts";
import { type TraceEntry, traceEntryCodec } from "#model/trace.ts";

const LENGTH_BYTES = 4;

export function writeEntry(writer: ByteWriter, entry: TraceEntry): void {
  const at = writer.length;
  writer.u32(0);
  traceEntryCodec.write(writer, entry);
  writer.setU32(at, writer.length - at - LENGTH_BYTES);
}

export interface FoundEntry {
  readonly entry: TraceEntry;
  /** As it is in the block, its length in front. */
  readonly bytes: Uint8Array;
}

/** What can be read of `block`. */
export function* entriesIn(block: Uint8Array): Generator<FoundEntry> {
  const reader = new ByteReader(block);
  let at = 0;
  while (reader.remaining >= LENGTH_BYTES) {
    const length = reader.u32();
    if (length > reader.remaining) return;
    const decoded = decode(traceEntryCodec, reader.raw(length));
    const end = at + LENGTH_BYTES + length;
    if (decoded.kind === "decoded") yield { entry: decoded.value, bytes: block.subarray(at, end) };
    at = end;
  }
}
