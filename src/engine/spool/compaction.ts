/**
 * Keeps the journal from growing without bound: unlinks what is not needed, and
 * writes the unfinished messages of the oldest segment again, with their present
 * state, when too much of the journal is waste.
 *
 * Segments go strictly from the oldest on, each durably before the next. So when
 * a segment goes, every message accepted in it is finished or restated in a later
 * one, durably, and every result in it concerns a message whose `accepted` record
 * is gone or was replaced by a later restatement. All of it runs in the background.
 *
 * One pass over a journal of which half is waste writes at most as much as it
 * frees, so restating costs no more than accepting did.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { Journal } from "./journal.ts";
import type { Restatement } from "./restatement.ts";
import type { Segment } from "./segment.ts";

/** The journal may hold this many times its live bytes … */
const WASTE_FACTOR = 2;
/** … and this many segments more. */
const SPARE_SEGMENTS = 4;
/** How long a failed unlink or a message that is busy is left alone. */
const RETRY_MS = 10_000;

export interface CompactionParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly observe: Observe;
  readonly journal: Journal;
  readonly restatement: Restatement;
  readonly segmentBytes: number;
}

export class Compaction {
  readonly #parts: CompactionParts;
  #running: Promise<void> | undefined;
  #notBeforeMs = -Infinity;
  #stopped = false;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** Called when records became durable; returns at once. */
  poke(): void {
    if (this.#running !== undefined || this.#stopped || this.#nextStep() === "rest") return;
    if (this.#parts.clock.monotonicMs() < this.#notBeforeMs) return;
    this.#running = this.#run();
  }

  /** Finishes the step under way and takes no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Resolves when there is nothing more to do for now. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #nextStep(): "unlink" | "restate" | "rest" {
    const oldest = this.#parts.journal.oldestClosed;
    if (oldest === undefined) return "rest";
    if (oldest.liveMessages === 0) return "unlink";
    return this.#isWasteful() ? "restate" : "rest";
  }

  #isWasteful(): boolean {
    let bytes = 0;
    let liveBytes = 0;
    for (const segment of this.#parts.journal.segments) {
      bytes += segment.bytes;
      liveBytes += segment.liveBytes;
    }
    return bytes > WASTE_FACTOR * liveBytes + SPARE_SEGMENTS * this.#parts.segmentBytes;
  }

  async #run(): Promise<void> {
    let step = this.#nextStep();
    while (step !== "rest" && !this.#stopped) {
      const went = step === "unlink" ? await this.#unlink() : await this.#restate();
      if (!went) {
        this.#notBeforeMs = this.#parts.clock.monotonicMs() + RETRY_MS;
        break;
      }
      step = this.#nextStep();
    }
    this.#running = undefined;
  }

  async #unlink(): Promise<boolean> {
    try {
      await this.#parts.journal.unlinkOldest();
      return true;
    } catch (error) {
      return this.#told(error, "Cannot unlink a segment");
    }
  }

  async #restate(): Promise<boolean> {
    const oldest: Segment | undefined = this.#parts.journal.oldestClosed;
    if (oldest === undefined) return false;
    try {
      await this.#parts.restatement.restate(oldest);
      return oldest.liveMessages === 0;
    } catch (error) {
      return this.#told(error, "Cannot read a segment to write it anew");
    }
  }

  #told(error: unknown, what: string): false {
    if (!(error instanceof FilesError)) throw error;
    this.#parts.observe({ kind: "spool-trouble", what, cause: error.message });
    return false;
  }
}
