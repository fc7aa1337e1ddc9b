/**
 * The frame of a record: what lets a reader find it, and know that it is whole.
 *
 *   0  mark      8 bytes, random for each segment: a reader that lost its way looks for it
 *   8  checksum  of everything from byte 12 to the end of the head
 *  12  head bytes behind this frame
 *  16  text bytes behind the head
 *  20  type and version
 *  24  number, of an encrypted record only: which one it is of those in its segment (cipher.ts)
 *
 * Then the head (entries, record-entries.ts) and the texts. The head holds each
 * text's own checksum, so the record's checksum vouches for every byte of it. The
 * mark is secret from those who send mail, so no text can pose as a record.
 *
 * The head of an encrypted record is encrypted as a whole, its texts are encrypted chunks
 * (text-chunks.ts). All checksums are of what lies on the disk: a torn record is told without the key.
 */
import type { ByteWriter } from "#base/byte-writer.ts";
import { checksum } from "./checksum.ts";
import { type Cipher, TAG_BYTES } from "./cipher.ts";
import { encryptChunk } from "./text-chunks.ts";

export const FRAME_BYTES = 24;
/** Longest frame, that of an encrypted record. */
export const MAX_FRAME_BYTES = 32;
const NUMBER_AT = 24;
const CHECKED_FROM = 12;
const RECORD_VERSION = 1;

/** Whether head and texts are encrypted: all records of a segment are, or none. */
export type RecordForm = "plain" | "encrypted";

const TYPES: Readonly<Record<RecordForm, number>> = { plain: 1, encrypted: 2 };
const FRAME_LENGTHS: Readonly<Record<RecordForm, number>> = {
  plain: FRAME_BYTES,
  encrypted: MAX_FRAME_BYTES,
};

/** Longest head. */
export const MAX_HEAD_BYTES: number = 256 * 1024 * 1024;
/** The length field holds no more; nor does an offset in a record that is encrypted. */
const MAX_RECORD_BYTES = 0xffff_ffff;

/** A record, ready to be written to any segment once it carries the segment's mark. */
export interface FramedRecord {
  /** Frame and head, in one piece. */
  readonly head: Uint8Array;
  readonly texts: readonly Uint8Array[];
  /** Of head and texts. */
  readonly bytes: number;
  /** "encrypted": it still has to be, when its place is known. */
  readonly form: RecordForm;
}

/** What a frame says behind its mark; its lengths are to be believed only when the checksum says so. */
export interface Frame {
  readonly checksum: number;
  /** Of the frame itself. */
  readonly bytes: number;
  readonly headBytes: number;
  readonly textBytes: number;
  readonly form: RecordForm | "unknown";
  /** 0 if it is not encrypted. */
  readonly number: number;
}

/** Leaves room for the frame; the head is written next. */
export function reserveFrame(writer: ByteWriter, form: RecordForm): void {
  for (let at = 0; at < FRAME_LENGTHS[form]; at += 4) writer.u32(0);
}

/** Fills in the frame of the record in `writer`, all but the mark. The bytes are then the record's. */
export function closeFrame(writer: ByteWriter, textBytes: number, form: RecordForm): Uint8Array {
  if (form === "encrypted") for (let at = 0; at < TAG_BYTES; at += 4) writer.u32(0);
  writer.setU32(12, writer.length - FRAME_LENGTHS[form]);
  writer.setU32(16, textBytes);
  writer.setU32(20, (TYPES[form] << 24) | (RECORD_VERSION << 16));
  // What is encrypted gets its checksum afterwards.
  if (form === "plain") writer.setU32(8, checksum(writer.written().subarray(CHECKED_FROM)));
  return writer.written();
}

/**
 * Encrypts head and texts in place: once, and for this place in this segment.
 *
 * @param place `number` is one that no other record of the segment has or had.
 */
export function encryptRecord(
  { head, texts }: FramedRecord,
  cipher: Cipher,
  place: { readonly at: number; readonly number: number },
): void {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  view.setBigUint64(NUMBER_AT, BigInt(place.number));
  cipher.encrypt(head.subarray(MAX_FRAME_BYTES), { ...place, offset: 0 }, boundTo(head, place.at));
  view.setUint32(8, checksum(head.subarray(CHECKED_FROM)));
  let offset = head.length;
  for (const chunk of texts) {
    encryptChunk(chunk, cipher, { ...place, offset });
    offset += chunk.length;
  }
}

/** The head of a whole encrypted record; undefined if it is not what was written there with this key. */
export function decryptHead(
  framed: Uint8Array,
  cipher: Cipher,
  place: { readonly at: number; readonly number: number },
): Uint8Array | undefined {
  const part = { number: place.number, offset: 0 };
  return cipher.decrypt(framed.subarray(MAX_FRAME_BYTES), part, boundTo(framed, place.at));
}

/** Place, lengths and type, as they are authenticated. */
function boundTo(framed: Uint8Array, at: number): Uint8Array {
  const bound = new Uint8Array(8 + NUMBER_AT - CHECKED_FROM);
  new DataView(bound.buffer).setBigUint64(0, BigInt(at));
  bound.set(framed.subarray(CHECKED_FROM, NUMBER_AT), 8);
  return bound;
}

/** Whether the lengths of a record are within their bounds; a batch that is beyond is refused. */
export function fitsOneRecord({ head, bytes }: FramedRecord): boolean {
  return head.length <= MAX_HEAD_BYTES && bytes <= MAX_RECORD_BYTES;
}

/** Reads the frame at the start of `bytes`; undefined if it has another mark or is too short. */
export function readFrame(bytes: Uint8Array, mark: Uint8Array): Frame | undefined {
  if (bytes.length < FRAME_BYTES) return undefined;
  for (let at = 0; at < mark.length; at++) if (bytes[at] !== mark[at]) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const form = formOf(view.getUint32(20));
  if (form === "encrypted" && bytes.length < MAX_FRAME_BYTES) return undefined;
  return {
    checksum: view.getUint32(8),
    bytes: form === "encrypted" ? MAX_FRAME_BYTES : FRAME_BYTES,
    headBytes: view.getUint32(12),
    textBytes: view.getUint32(16),
    form,
    number: form === "encrypted" ? Number(view.getBigUint64(NUMBER_AT)) : 0,
  };
}

/** Whether `framed`, frame and head, is what was written. */
export function isWhole(framed: Uint8Array, frame: Frame): boolean {
  return checksum(framed.subarray(CHECKED_FROM)) === frame.checksum;
}

function formOf(typeAndVersion: number): Frame["form"] {
  if ((typeAndVersion & 0xff_ffff) !== RECORD_VERSION << 16) return "unknown";
  const type = typeAndVersion >>> 24;
  if (type === TYPES.plain) return "plain";
  return type === TYPES.encrypted ? "encrypted" : "unknown";
}
