/**
 * When a checkpoint is written, and how fast: often enough that a start reads little of the
 * journal, seldom enough that writing costs less than accepting did, slowly enough that
 * commits do not wait behind it.
 *
 * It is fuzzy: the journal goes on while it is written, and what happened meanwhile may be in
 * it or not. A start applies all of the journal behind the place where it began, and that
 * gives the same whether it was in it or not (README.md, "Checkpoint").
 */
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import { Checkpoint, UnusableCheckpoint } from "./checkpoint-reader.ts";
import { type CheckpointPlace, CheckpointWriter } from "./checkpoint-writer.ts";
import type { Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { Position } from "./live-message.ts";
import { lostState } from "./lost-state.ts";
import type { Room } from "./room.ts";
import { RecordReader } from "./record-reader.ts";
import { readTail } from "./tail-states.ts";
import { type Walked, walkUnfinished } from "./unfinished-walk.ts";

/** A start may have to read this many records, if there is no more unfinished … */
export const CHECKPOINT_RECORDS = 50_000;
/** … or as many as this part of the messages: each record pays for copying so many. */
const MESSAGES_PER_RECORD = 10;
/** Records that a clean stop leaves to the next start. */
const STOP_PART = 5;
/** A stop waits no longer for it: what it would save, the next start then does. */
const MAX_STOP_MS = 10_000;
const MAX_JOURNAL_BYTES: number = 512 * 1024 * 1024;
/** What one takes on the disk, about: header and ends, and each message, compressed. */
const FIXED_BYTES = 8192;
const USUAL_BYTES = 256;
/** Of the file, a second, while the spool is at work. */
const BYTES_PER_SECOND: number = 16 * 1024 * 1024;

export interface CheckpointsParts extends CheckpointPlace {
  readonly clock: Clock;
  readonly observe: Observe;
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly room: Room;
  /** Records that make one due, at least. */
  readonly minRecords: number;
}

/** The checkpoint that there is. */
export interface LastCheckpoint {
  readonly end: Position;
  readonly fileBytes: number;
}

export class Checkpoints {
  readonly #parts: CheckpointsParts;
  #last: LastCheckpoint | undefined;
  /** Of the ledger, when the last one began. */
  #records = 0;
  #bytes = 0;
  /** Ends the pause under way. */
  #wake: (() => void) | undefined;
  /** Infinite until the spool is to be closed. */
  #stopAtMs = Infinity;

  constructor(parts: CheckpointsParts, last: LastCheckpoint | undefined) {
    this.#parts = parts;
    this.#last = last;
  }

  get isDue(): boolean {
    const { ledger, minRecords } = this.#parts;
    const records = ledger.recordsApplied - this.#records;
    const mostRecords = Math.max(minRecords, ledger.messages / MESSAGES_PER_RECORD);
    const mostBytes = Math.max(MAX_JOURNAL_BYTES, this.#last?.fileBytes ?? 0);
    if (records < mostRecords && ledger.bytesApplied - this.#bytes < mostBytes) return false;
    return records > 0 && this.#fits();
  }

  /** The reserve is for what makes room again, which a checkpoint does not. */
  #fits(): boolean {
    const { ledger, room } = this.#parts;
    return room.has(FIXED_BYTES + ledger.messages * USUAL_BYTES);
  }

  /** Writes one in its own time; false if it could not. */
  write(): Promise<boolean> {
    return this.#attempt((bytes, sinceMs) => this.#pace(bytes, sinceMs));
  }

  /** The one under way pauses no more, and is broken off if that does not help in time. */
  stop(): void {
    this.#stopAtMs = this.#parts.clock.monotonicMs() + MAX_STOP_MS;
    this.#wake?.();
  }

  /** After `stop`: the last one before the spool is closed, if it saves the next start some time. */
  async writeLast(): Promise<void> {
    const { clock, ledger, minRecords } = this.#parts;
    if (ledger.recordsApplied - this.#records < minRecords / STOP_PART || !this.#fits()) return;
    await this.#attempt(() => Promise.resolve(clock.monotonicMs() < this.#stopAtMs));
  }

  /** Writes one without a pause, however long it takes. */
  async writeAtOnce(): Promise<void> {
    await this.#attempt(() => Promise.resolve(true));
  }

  async #attempt(pace: Pace): Promise<boolean> {
    try {
      return await this.#write(pace, this.#last);
    } catch (error) {
      if (error instanceof UnusableCheckpoint) return this.#attemptAnew(pace, error);
      return this.#told(error);
    }
  }

  /** The last one is damaged: the journal has all of it. */
  async #attemptAnew(pace: Pace, { message }: UnusableCheckpoint): Promise<boolean> {
    const text = `The checkpoint of the spool is written anew from the journal: ${message}`;
    this.#parts.observe({ kind: "warning", text });
    this.#last = undefined;
    try {
      return await this.#write(pace, undefined);
    } catch (error) {
      return this.#told(error);
    }
  }

  #told(error: unknown): false {
    if (!(error instanceof FilesError)) throw error;
    const what = "Cannot write a checkpoint of the spool";
    this.#parts.observe({ kind: "spool-trouble", what, cause: error.message });
    return false;
  }

  async #write(pace: Pace, last: LastCheckpoint | undefined): Promise<boolean> {
    const { files, folder, keys, ledger, journal, observe, room } = this.#parts;
    const { recordsApplied, bytesApplied, end } = ledger;
    const covered = journal.segments.filter(({ sequence }) => sequence <= end.sequence);
    const base = last && (await Checkpoint.open(files, folder, keys));
    const reader = new RecordReader(files, (sequence) => ledger.segment(sequence));
    const lost = lostState(observe, ledger);
    try {
      const from = base?.end ?? { sequence: covered[0]?.sequence ?? 0, at: 0 };
      const states = base && (await readTail(files, covered, { from, to: end }));
      const tail = states && { states, end };
      const writer = await CheckpointWriter.create(this.#parts, end, {
        segments: covered,
        messages: ledger.messages,
        envelopes: ledger.envelopes,
      });
      const walk = walkUnfinished({ ledger, reader, lost, tail }, base, { from, to: end });
      if (!(await this.#copy(walk, writer, pace))) return false;
      this.#last = { end, fileBytes: writer.bytes };
      room.spend(writer.bytes);
    } finally {
      await base?.close();
      await reader.close();
    }
    this.#records = recordsApplied;
    this.#bytes = bytesApplied;
    return true;
  }

  /** False if it was broken off. */
  async #copy(
    walk: AsyncIterable<readonly Walked[]>,
    writer: CheckpointWriter,
    pace: Pace,
  ): Promise<boolean> {
    const sinceMs = this.#parts.clock.monotonicMs();
    try {
      for await (const some of walk) {
        for (const walked of some) {
          if (walked.kind === "same") writer.block.copy(walked.entry);
          else writer.block.write(walked.state.known, walked.state.message);
          if (!(await writer.added())) continue;
          if (await pace(writer.bytes, sinceMs)) continue;
          await writer.abandon();
          return false;
        }
      }
      await writer.finish();
      return true;
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  /** Waits until so many bytes may have been written; false if it is to be broken off. */
  async #pace(bytes: number, sinceMs: number): Promise<boolean> {
    const { clock } = this.#parts;
    const earlyMs = sinceMs + (bytes / BYTES_PER_SECOND) * 1000 - clock.monotonicMs();
    if (earlyMs > 0 && this.#stopAtMs === Infinity) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(earlyMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return clock.monotonicMs() < this.#stopAtMs;
  }
}

/** Waits after so many bytes since a time; false if the writing is to be broken off. */
type Pace = (bytes: number, sinceMs: number) => Promise<boolean>;
