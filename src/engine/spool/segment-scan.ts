/**
 * Reads a segment from its header to its end: whole records, and the stretches
 * between them that are none.
 *
 * A record counts only if its head and, where they are checked, each of its texts match their
 * checksums. After a stretch that does not, the scan goes on at the next mark, so that
 * damage costs the records that it touched and no other. Texts pass through a
 * window and are not kept.
 */
import { checksum } from "./checksum.ts";
import type { FileWindow } from "./file-window.ts";
import {
  decryptHead,
  type Frame,
  isWhole,
  MAX_FRAME_BYTES,
  MAX_HEAD_BYTES,
  readFrame,
} from "./record.ts";
import { inlineText, type RecordEntry, readEntries, type TextStamp } from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import { HEADER_BYTES, MARK_BYTES } from "./segment-header.ts";
import { CHUNK_HEADER_BYTES, isChunkWhole, readChunkHeader } from "./text-chunks.ts";

/** Piece in which texts are read for their checksum. */
const TEXT_PIECE_BYTES: number = 256 * 1024;
/** Piece in which the scan looks for the next mark. */
const SEARCH_BYTES: number = 256 * 1024;
const ZEROS: Buffer = Buffer.alloc(SEARCH_BYTES);

export type Finding =
  | {
      readonly kind: "record";
      readonly at: number;
      readonly bytes: number;
      /** Where the first text starts. */
      readonly textsAt: number;
      readonly entries: readonly RecordEntry[];
    }
  | {
      readonly kind: "damage";
      readonly at: number;
      readonly bytes: number;
      readonly reason: string;
    }
  /** A whole record that a newer program wrote. */
  | { readonly kind: "newer"; readonly at: number; readonly bytes: number };

export type RecordFinding = Extract<Finding, { kind: "record" }>;

/** Where a record is, in a segment whose records end at `end`. */
export interface RecordPlace {
  readonly segment: Pick<Segment, "mark" | "cipher">;
  readonly at: number;
  readonly end: number;
}

/** "skipped": a text is checked when it is read; enough for what was durable once. */
export type TextCheck = "checked" | "skipped";

type NewerFinding = Extract<Finding, { kind: "newer" }>;

/** How a record that cannot be read is passed: to its end if that is sure, else to the next mark. */
interface Unreadable {
  readonly kind: "unreadable";
  readonly reason: string;
  readonly bytes: number | undefined;
}

/**
 * What is in a segment from the record at `from` up to byte `end`, in order. Zeros up to the end are space
 * that was never written, and no finding.
 */
export async function* scanSegment(
  window: FileWindow,
  segment: Pick<Segment, "mark" | "cipher">,
  { from, end }: { readonly from: number; readonly end: number },
  texts: TextCheck,
): AsyncGenerator<Finding> {
  const { mark } = segment;
  let at = Math.max(from, HEADER_BYTES);
  while (at < end) {
    const read = await readRecord(window, { segment, at, end }, texts);
    if (read.kind !== "unreadable") {
      yield read;
      at += read.bytes;
      continue;
    }
    const next =
      read.bytes === undefined ? await findMark(window, mark, at + 1, end) : at + read.bytes;
    if (next < end || !(await isBlank(window, at, end))) {
      yield { kind: "damage", at, bytes: next - at, reason: read.reason };
    }
    at = next;
  }
}

/** Reads the record at `at`, which was found there before, but not its texts; undefined if it is damaged now. */
export async function readRecordAt(
  window: FileWindow,
  place: RecordPlace,
): Promise<RecordFinding | undefined> {
  const read = await readRecord(window, place, "skipped");
  return read.kind === "record" ? read : undefined;
}

async function readRecord(
  window: FileWindow,
  { segment, at, end }: RecordPlace,
  texts: TextCheck,
): Promise<RecordFinding | NewerFinding | Unreadable> {
  const frame = readFrame(await window.view(at, MAX_FRAME_BYTES), segment.mark);
  if (frame === undefined) return unreadable("no record starts here");
  const framedBytes = frame.bytes + frame.headBytes;
  const bytes = framedBytes + frame.textBytes;
  if (frame.headBytes > MAX_HEAD_BYTES || at + framedBytes > end) {
    return unreadable("a record that goes beyond the end");
  }
  const framed = await window.view(at, framedBytes);
  if (framed.length < framedBytes || !isWhole(framed, frame)) {
    return unreadable("a record that does not match its checksum");
  }
  // From here on the lengths can be believed.
  if (at + bytes > end) return unreadable("a record that goes beyond the end");
  if (frame.form === "unknown") return { kind: "newer", at, bytes };
  const head = headOf(framed, frame, { segment, at });
  if (typeof head === "string") return { kind: "unreadable", reason: head, bytes };
  const decoded = readEntries(head);
  if (decoded.kind === "decode-fault") {
    return { kind: "unreadable", reason: `a record that is malformed: ${decoded.reason}`, bytes };
  }
  const entries = decoded.value;
  const textsAt = at + framedBytes;
  if (texts === "checked" && !(await areTextsWhole(window, { entries, textsAt, frame }))) {
    return { kind: "unreadable", reason: "a text that does not match its checksum", bytes };
  }
  return { kind: "record", at, bytes, textsAt, entries };
}

/** The encoded entries, or what is wrong. */
function headOf(
  framed: Uint8Array,
  frame: Frame,
  { segment, at }: { readonly segment: Pick<Segment, "cipher">; readonly at: number },
): Uint8Array | string {
  const { cipher } = segment;
  if (frame.form === "plain") {
    return cipher === undefined
      ? framed.subarray(frame.bytes)
      : "a record that should be encrypted";
  }
  const head = cipher && decryptHead(framed, cipher, { at, number: frame.number });
  return head ?? "a record that does not decrypt";
}

function unreadable(reason: string): Unreadable {
  return { kind: "unreadable", reason, bytes: undefined };
}

async function areTextsWhole(
  window: FileWindow,
  record: {
    readonly entries: readonly RecordEntry[];
    readonly textsAt: number;
    readonly frame: Frame;
  },
): Promise<boolean> {
  let at = record.textsAt;
  for (const entry of record.entries) {
    const text = inlineText(entry);
    if (text === undefined) continue;
    if (text.form === "lost") continue;
    if (at + text.storedBytes > record.textsAt + record.frame.textBytes) return false;
    if (!(await isTextWhole(window, at, text))) return false;
    at += text.storedBytes;
  }
  return at === record.textsAt + record.frame.textBytes;
}

async function isTextWhole(window: FileWindow, at: number, text: TextStamp): Promise<boolean> {
  return text.form === "raw"
    ? (await checksumAt(window, at, text.bytes)) === text.checksum
    : areChunksWhole(window, at, at + text.storedBytes);
}

/** By the checksums of what lies there; whether it also decrypts is seen when it is read. */
async function areChunksWhole(window: FileWindow, from: number, end: number): Promise<boolean> {
  for (let at = from; at < end; ) {
    const header = readChunkHeader(await window.view(at, CHUNK_HEADER_BYTES));
    if (header === undefined) return false;
    const bytes = CHUNK_HEADER_BYTES + header.storedBytes;
    if (at + bytes > end || !isChunkWhole(await window.view(at, bytes), header)) return false;
    at += bytes;
  }
  return true;
}

async function checksumAt(window: FileWindow, offset: number, length: number): Promise<number> {
  let sum = 0;
  for (let done = 0; done < length; ) {
    const piece = await window.view(offset + done, Math.min(TEXT_PIECE_BYTES, length - done));
    if (piece.length === 0) return -1;
    sum = checksum(piece, sum);
    done += piece.length;
  }
  return sum;
}

/** The first place from `from` on where a record may start, or `end`. */
async function findMark(
  window: FileWindow,
  mark: Uint8Array,
  from: number,
  end: number,
): Promise<number> {
  for (let at = from; at < end; at += SEARCH_BYTES) {
    // The pieces overlap, so that a mark across their border is found.
    const piece = await window.view(at, Math.min(SEARCH_BYTES + MARK_BYTES - 1, end - at));
    const found = Buffer.from(piece.buffer, piece.byteOffset, piece.length).indexOf(mark);
    if (found >= 0) return at + found;
  }
  return end;
}

async function isBlank(window: FileWindow, from: number, end: number): Promise<boolean> {
  for (let at = from; at < end; at += SEARCH_BYTES) {
    const piece = await window.view(at, Math.min(SEARCH_BYTES, end - at));
    if (!ZEROS.subarray(0, piece.length).equals(piece)) return false;
  }
  return true;
}
