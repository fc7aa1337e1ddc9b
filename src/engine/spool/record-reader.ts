/**
 * Reads single records of the journal, wherever they are. Messages that were tried one
 * after the other have their states near each other: the last stretches that were read
 * stay in memory, a bounded number of them, and most records then cost no system call.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import { FileWindow } from "./file-window.ts";
import type { Position } from "./live-message.ts";
import { OpenSegments } from "./open-segments.ts";
import { type RecordStates, RememberedStates } from "./record-states.ts";
import type { Segment } from "./segment.ts";
import { type RecordFinding, readRecordAt } from "./segment-scan.ts";

const STRETCH_BYTES: number = 256 * 1024;
/** Read at once where records are read in order: each read waits for a turn of a busy event loop. */
const ORDERLY_BYTES: number = 2 * 1024 * 1024;
/** Stretches that stay in memory: 4 MiB. */
const MAX_STRETCHES = 16;
/** Segments that are open at a time. */
const MAX_FILES = 16;

export class RecordReader {
  readonly #segments: OpenSegments;
  readonly #segmentOf: (sequence: number) => Segment | undefined;
  /** By segment and number of the stretch in it, the one that was used last at the end. */
  readonly #stretches = new Map<string, FileWindow>();
  readonly #states = new RememberedStates();
  /** For places that come in order. */
  #orderly: { readonly segment: Segment; readonly window: FileWindow } | undefined;

  constructor(files: Files, segmentOf: (sequence: number) => Segment | undefined) {
    this.#segments = new OpenSegments(files, MAX_FILES);
    this.#segmentOf = segmentOf;
  }

  /**
   * The record at a place; undefined if it is damaged, or gone with its segment.
   *
   * @throws {FilesError} if it cannot be read.
   */
  async read({ sequence, at }: Position): Promise<RecordFinding | undefined> {
    const segment = this.#segmentOf(sequence);
    if (segment === undefined) return undefined;
    return this.#recordAt(this.#windowAt(segment, at), segment, at);
  }

  /** As `read`, for places that come in order. @throws {FilesError} */
  async readNext({ sequence, at }: Position): Promise<RecordFinding | undefined> {
    const segment = this.#segmentOf(sequence);
    if (segment === undefined) return undefined;
    if (this.#orderly?.segment !== segment) {
      this.#orderly = { segment, window: this.#windowOn(segment, ORDERLY_BYTES) };
    }
    return this.#recordAt(this.#orderly.window, segment, at);
  }

  /** What the record at a place says of envelopes; else as `read`. @throws {FilesError} */
  async states(position: Position): Promise<RecordStates | undefined> {
    const known = this.#states.get(position);
    if (known !== undefined) return known;
    const record = await this.read(position);
    return record && this.#states.add(position, record);
  }

  /** Must be called when it is not needed any more. */
  async close(): Promise<void> {
    await this.#segments.close();
  }

  async #recordAt(
    window: FileWindow,
    segment: Segment,
    at: number,
  ): Promise<RecordFinding | undefined> {
    const place = { segment, at, end: segment.bytes };
    try {
      const record = await readRecordAt(window, place);
      // What was read while it was being written is not what lies there now.
      return record ?? (await readRecordAt(this.#windowOn(segment, STRETCH_BYTES), place));
    } catch (error) {
      if (error instanceof FilesError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  #windowOn(segment: Segment, bytes: number): FileWindow {
    return new FileWindow(this.#segments.readable(segment), bytes);
  }

  #windowAt(segment: Segment, at: number): FileWindow {
    const key = `${segment.sequence}/${Math.floor(at / STRETCH_BYTES)}`;
    let window = this.#stretches.get(key);
    if (window === undefined) {
      window = this.#windowOn(segment, STRETCH_BYTES);
      if (this.#stretches.size === MAX_STRETCHES) this.#forgetOldest();
    } else {
      this.#stretches.delete(key);
    }
    this.#stretches.set(key, window);
    return window;
  }

  #forgetOldest(): void {
    for (const key of this.#stretches.keys()) {
      this.#stretches.delete(key);
      return;
    }
  }
}
