/**
 * The segments of the journal as the index knows them, and how much of each is
 * still needed.
 */
import type { Cipher } from "./cipher.ts";
import type { SegmentHeader } from "./segment-header.ts";

/** One segment; `bytes`, `liveBytes` and `liveMessages` change as the spool works. */
export interface Segment {
  readonly path: string;
  readonly sequence: number;
  readonly mark: Uint8Array;
  /** Of its records; undefined if they are not encrypted. */
  readonly cipher: Cipher | undefined;
  /** Where its durable records end. */
  bytes: number;
  /** Bytes of records that hold a message which is not finished. */
  liveBytes: number;
  liveMessages: number;
}

/** Digits in the name of a segment. */
const NAME_DIGITS = 8;
/** Where a record is takes 32 bits for this, and 32 more in the segment. */
const MAX_SEQUENCE = 0xffff_ffff;
const NAME = /^([0-9]{8,16})\.seg$/;

export function segmentName(sequence: number): string {
  return `${sequence.toString().padStart(NAME_DIGITS, "0")}.seg`;
}

/** The sequence number in a segment's name; undefined for any other name. */
export function parseSegmentName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const sequence = Number(digits);
  return sequence <= MAX_SEQUENCE && segmentName(sequence) === name ? sequence : undefined;
}

/** A segment with nothing in it but its header. */
export function emptySegment(
  path: string,
  header: SegmentHeader,
  bytes: number,
  cipher: Cipher | undefined,
): Segment {
  const { sequence, mark } = header;
  return { path, sequence, mark, cipher, bytes, liveBytes: 0, liveMessages: 0 };
}
