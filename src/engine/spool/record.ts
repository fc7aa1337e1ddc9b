/**
 * The frame of a record: what lets a reader find it, and know that it is whole.
 *
 *   0  mark      8 bytes, random for each segment: a reader that lost its way looks for it
 *   8  checksum  of everything from byte 12 to the end of the head
 *  12  head bytes behind this frame
 *  16  text bytes behind the head
 *  20  type and version
 *
 * Then the head (entries, record-entries.ts) and the texts. The head holds each
 * text's own checksum, so the record's checksum vouches for every byte of it. The
 * mark is secret from those who send mail, so no text can pose as a record.
 */
import type { ByteWriter } from "#base/byte-writer.ts";
import { checksum } from "./checksum.ts";

export const FRAME_BYTES = 24;
const CHECKED_FROM = 12;
const RECORD_VERSION = 1;
const TYPE_BATCH = 1;
/** Type 1 (a batch), version 1; the lower half is not used. */
const TYPE_AND_VERSION = (TYPE_BATCH << 24) | (RECORD_VERSION << 16);

/** Longest head. */
export const MAX_HEAD_BYTES: number = 256 * 1024 * 1024;
/** The length field holds no more. */
const MAX_TEXT_BYTES = 0xffff_ffff;

/** A record, ready to be written to any segment once it carries the segment's mark. */
export interface FramedRecord {
  /** Frame and head, in one piece. */
  readonly head: Uint8Array;
  readonly texts: readonly Uint8Array[];
  /** Of head and texts. */
  readonly bytes: number;
}

/** What a frame says behind its mark; its lengths are to be believed only when the checksum says so. */
export interface Frame {
  readonly checksum: number;
  readonly headBytes: number;
  readonly textBytes: number;
  readonly isKnown: boolean;
}

/** Leaves room for the frame; the head is written next. */
export function reserveFrame(writer: ByteWriter): void {
  for (let at = 0; at < FRAME_BYTES; at += 4) writer.u32(0);
}

/** Fills in the frame of the record in `writer`, all but the mark. The bytes are then the record's. */
export function sealFrame(writer: ByteWriter, textBytes: number): Uint8Array {
  writer.setU32(12, writer.length - FRAME_BYTES);
  writer.setU32(16, textBytes);
  writer.setU32(20, TYPE_AND_VERSION);
  writer.setU32(8, checksum(writer.written().subarray(CHECKED_FROM)));
  return writer.written();
}

/** Whether the lengths of a record are within their bounds; a batch that is beyond is refused. */
export function fitsOneRecord({ head, bytes }: FramedRecord): boolean {
  return head.length <= MAX_HEAD_BYTES && bytes - head.length <= MAX_TEXT_BYTES;
}

/** Reads the frame at the start of `bytes`; undefined if it has another mark or is too short. */
export function readFrame(bytes: Uint8Array, mark: Uint8Array): Frame | undefined {
  if (bytes.length < FRAME_BYTES) return undefined;
  for (let at = 0; at < mark.length; at++) if (bytes[at] !== mark[at]) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  return {
    checksum: view.getUint32(8),
    headBytes: view.getUint32(12),
    textBytes: view.getUint32(16),
    isKnown: view.getUint32(20) === TYPE_AND_VERSION,
  };
}

/** Whether `framed`, frame and head, is what was written. */
export function isWhole(framed: Uint8Array, frame: Frame): boolean {
  return checksum(framed.subarray(CHECKED_FROM)) === frame.checksum;
}
