/**
 * Reads single records of the journal, wherever they are. Messages that were tried one
 * after the other have their states near each other: the last stretches that were read
 * stay in memory, a bounded number of them, and most records then cost no system call.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import { FileWindow } from "./file-window.ts";
import { tolerate } from "./file-faults.ts";
import type { Position } from "./live-message.ts";
import { type RecordStates, RememberedStates } from "./record-states.ts";
import type { Segment } from "./segment.ts";
import { type RecordFinding, type RecordPlace, readRecordAt } from "./segment-scan.ts";

const STRETCH_BYTES: number = 256 * 1024;
/** Read at once where records are read in order: each read waits for a turn of a busy event loop. */
const ORDERLY_BYTES: number = 2 * 1024 * 1024;
/** Stretches that stay in memory: 4 MiB. */
const MAX_STRETCHES = 16;
/** Segments that are open at a time. */
const MAX_FILES = 16;

export class RecordReader {
  readonly #files: Files;
  readonly #segmentOf: (sequence: number) => Segment | undefined;
  /** By segment, the one that was used last at the end. */
  readonly #open = new Map<Segment, OpenFile>();
  /** By segment and number of the stretch in it, the one that was used last at the end. */
  readonly #stretches = new Map<string, FileWindow>();
  readonly #states = new RememberedStates();
  /** For places that come in order. */
  #orderly: { readonly segment: Segment; readonly window: FileWindow } | undefined;

  constructor(files: Files, segmentOf: (sequence: number) => Segment | undefined) {
    this.#files = files;
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
    const file = await this.#fileOf(segment);
    if (file === undefined) return undefined;
    const window = this.#windowAt(segment, file, at);
    return recordAt(file, window, { segment, at, end: segment.bytes });
  }

  /** As `read`, for places that come in order. @throws {FilesError} */
  async readNext({ sequence, at }: Position): Promise<RecordFinding | undefined> {
    const segment = this.#segmentOf(sequence);
    const file = segment && (await this.#fileOf(segment));
    if (segment === undefined || file === undefined) return undefined;
    if (this.#orderly?.segment !== segment) {
      this.#orderly = { segment, window: new FileWindow(file, ORDERLY_BYTES) };
    }
    return recordAt(file, this.#orderly.window, { segment, at, end: segment.bytes });
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
    while (this.#open.size > 0) await this.#closeOldest();
  }

  /** The open file of a segment; undefined if it is gone. @throws {FilesError} */
  async #fileOf(segment: Segment): Promise<OpenFile | undefined> {
    const known = this.#open.get(segment);
    if (known !== undefined) return known;
    if (this.#open.size === MAX_FILES) await this.#closeOldest();
    try {
      const file = await this.#files.open(segment.path, "read");
      this.#open.set(segment, file);
      return file;
    } catch (error) {
      if (error instanceof FilesError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #closeOldest(): Promise<void> {
    for (const [segment, file] of this.#open) {
      this.#open.delete(segment);
      if (this.#orderly?.segment === segment) this.#orderly = undefined;
      for (const key of this.#stretches.keys()) {
        if (key.startsWith(`${segment.sequence}/`)) this.#stretches.delete(key);
      }
      await tolerate(file.close());
      return;
    }
  }

  #windowAt(segment: Segment, file: OpenFile, at: number): FileWindow {
    const key = `${segment.sequence}/${Math.floor(at / STRETCH_BYTES)}`;
    let window = this.#stretches.get(key);
    if (window === undefined) {
      window = new FileWindow(file, STRETCH_BYTES);
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

async function recordAt(
  file: OpenFile,
  window: FileWindow,
  place: RecordPlace,
): Promise<RecordFinding | undefined> {
  const record = await readRecordAt(window, place);
  // What was read while it was being written is not what lies there now.
  return record ?? readRecordAt(new FileWindow(file, STRETCH_BYTES), place);
}
