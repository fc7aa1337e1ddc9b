/**
 * The header of a segment: two equal copies in the first 4 KiB, so that damage to
 * one of them costs nothing.
 *
 *   0  magic     "PRJOURNL"
 *   8  format    so that another version's segment is told from a damaged one
 *  12  checksum  of the rest of the copy
 *  16  sequence, mark, where the segment before this one ends, and how it is encrypted
 *
 * What lies in the segment before behind that end is void: a write that failed, or
 * the torn tail that a crash left. If it is shorter than that, bytes are missing.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import { bytes, decode, hex, optional, struct, u53 } from "#base/codec.ts";
import type { Random } from "#base/ports/random.ts";
import { checksum } from "./checksum.ts";
import { KEY_ID_DIGITS, type KeyUse, SALT_BYTES } from "./queue-keys.ts";

export const HEADER_BYTES = 4096;
const COPY_BYTES: number = HEADER_BYTES / 2;
const CHECKED_FROM = 16;
export const MARK_BYTES = 8;
/** What is written. Format 2 had no encryption; nothing else is different. */
export const FORMAT = 3;
const FORMAT_UNENCRYPTED = 2;
const SEGMENT_FORMATS: readonly number[] = [FORMAT, FORMAT_UNENCRYPTED];
/** What a file with such a header is: a segment, or a checkpoint (checkpoint-format.ts). */
export type Magic = "PRJOURNL" | "PRCHECKP";

/** Where a segment ends, as its successor remembers it. */
export interface SegmentEnd {
  readonly sequence: number;
  readonly bytes: number;
}

export interface SegmentHeader {
  readonly sequence: number;
  /** Eight random bytes that start each record of this segment. */
  readonly mark: Uint8Array;
  readonly previous: SegmentEnd | undefined;
  /** Undefined: its records are not encrypted. */
  readonly encryption: KeyUse | undefined;
}

export type HeaderReading =
  | { readonly kind: "header"; readonly header: SegmentHeader }
  | { readonly kind: "other-format"; readonly format: number }
  | { readonly kind: "damaged" };

const unencrypted = {
  sequence: u53,
  mark: bytes(MARK_BYTES),
  previous: optional(struct<SegmentEnd>({ sequence: u53, bytes: u53 })),
};
const keyUseCodec = struct<KeyUse>({ keyId: hex(KEY_ID_DIGITS), salt: bytes(SALT_BYTES) });
const headerCodec = struct<SegmentHeader>({ ...unencrypted, encryption: optional(keyUseCodec) });
const unencryptedCodec = struct<Omit<SegmentHeader, "encryption">>(unencrypted);

/** A mark that no other segment has, and that nobody can guess. */
export function randomMark(random: Random): Uint8Array {
  const writer = new ByteWriter(MARK_BYTES);
  for (let at = 0; at < MARK_BYTES; at += 4) writer.u32(random.uint32());
  return writer.written();
}

/** The first HEADER_BYTES of a segment. */
export function encodeHeader(
  header: SegmentHeader,
  magic: Magic = "PRJOURNL",
  format: number = FORMAT,
): Uint8Array {
  const writer = new ByteWriter(COPY_BYTES);
  writer.utf8(magic);
  writer.u32(format);
  writer.u32(0);
  writer.u32(0);
  headerCodec.write(writer, header);
  writer.setU32(CHECKED_FROM, writer.length - CHECKED_FROM - 4);
  const encoded = new Uint8Array(HEADER_BYTES);
  encoded.set(writer.written());
  const sum = checksum(encoded.subarray(CHECKED_FROM, COPY_BYTES));
  new DataView(encoded.buffer).setUint32(12, sum);
  encoded.copyWithin(COPY_BYTES, 0, COPY_BYTES);
  return encoded;
}

/** Reads the first HEADER_BYTES of a segment, or as many as there are. */
export function readHeader(
  encoded: Uint8Array,
  magic: Magic = "PRJOURNL",
  readable: readonly number[] = SEGMENT_FORMATS,
): HeaderReading {
  const isRead = (format: number | undefined): format is number =>
    format !== undefined && readable.includes(format);
  const copies = [encoded.subarray(0, COPY_BYTES), encoded.subarray(COPY_BYTES, HEADER_BYTES)];
  const formats: (number | undefined)[] = [];
  for (const copy of copies) {
    const format = formatOf(copy, magic);
    const header = isRead(format) ? readCopy(copy, format) : undefined;
    if (header !== undefined) return { kind: "header", header };
    formats.push(format);
  }
  // Only two copies that agree are believed: a damaged format looks like another one.
  const [first, second] = formats;
  if (first !== undefined && first === second && !isRead(first))
    return { kind: "other-format", format: first };
  return { kind: "damaged" };
}

function formatOf(copy: Uint8Array, magic: Magic): number | undefined {
  if (copy.length < COPY_BYTES) return undefined;
  for (let at = 0; at < magic.length; at++) if (copy[at] !== magic.charCodeAt(at)) return undefined;
  return new DataView(copy.buffer, copy.byteOffset).getUint32(magic.length);
}

function readCopy(copy: Uint8Array, format: number): SegmentHeader | undefined {
  const view = new DataView(copy.buffer, copy.byteOffset);
  if (view.getUint32(12) !== checksum(copy.subarray(CHECKED_FROM))) return undefined;
  const from = CHECKED_FROM + 4;
  const encoded = copy.subarray(from, from + view.getUint32(CHECKED_FROM));
  const header = format === FORMAT_UNENCRYPTED ? decodeUnencrypted(encoded) : decodeHeader(encoded);
  if (header === undefined || header.mark.length !== MARK_BYTES) return undefined;
  const { mark, encryption } = header;
  // What was decoded is a view of `copy`.
  return {
    ...header,
    mark: mark.slice(),
    encryption: encryption && { ...encryption, salt: encryption.salt.slice() },
  };
}

function decodeHeader(encoded: Uint8Array): SegmentHeader | undefined {
  const decoded = decode(headerCodec, encoded);
  return decoded.kind === "decoded" ? decoded.value : undefined;
}

function decodeUnencrypted(encoded: Uint8Array): SegmentHeader | undefined {
  const decoded = decode(unencryptedCodec, encoded);
  return decoded.kind === "decoded" ? { ...decoded.value, encryption: undefined } : undefined;
}
