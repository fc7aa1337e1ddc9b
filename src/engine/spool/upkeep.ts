/**
 * Keeps the journal from growing without bound, and a start from taking long: unlinks
 * segments that are not needed, writes the unfinished messages of the oldest segment again,
 * with their present state, when too much of the journal is waste, and writes checkpoints.
 * One thing at a time, all of it in the background.
 *
 * Segments go strictly from the oldest on, each durably before the next. So when
 * a segment goes, every message accepted in it is finished or restated in a later
 * one, durably, and every result in it concerns a message whose `accepted` record
 * is gone or was replaced by a later restatement: the journal alone, without a
 * checkpoint, always says all that is needed. That is worth more than it costs. A segment in
 * the middle that is mostly waste waits until those before it are written anew; but one
 * pass over a journal of which half is waste writes at most as much as it frees,
 * so restating costs no more than accepting did, wherever the waste is.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { OpenSegments } from "./open-segments.ts";
import type { Restatement } from "./restatement.ts";

/** The journal may hold this many times its live bytes … */
const WASTE_FACTOR = 2;
/** … and this many segments more. */
const SPARE_SEGMENTS = 4;
/** How long something that failed, or a message that is busy, is left alone. */
const RETRY_MS = 10_000;
/** Longest such time, after several in a row: damage does not heal. */
const MAX_RETRY_MS = 600_000;

export interface UpkeepParts {
  readonly clock: Clock;
  readonly observe: Observe;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly segments: OpenSegments;
  readonly restatement: Restatement;
  readonly checkpoints: Checkpoints;
  readonly segmentBytes: number;
}

/** A step that failed comes again after a while, longer each time. */
interface Delay {
  untilMs: number;
  retryMs: number;
}

type Step = "unlink" | "restate" | "checkpoint" | "rest";

export class Upkeep {
  readonly #parts: UpkeepParts;
  #running: Promise<void> | undefined;
  /** One that fails leaves the others alone. */
  readonly #delays: Readonly<Record<Exclude<Step, "rest">, Delay>> = {
    unlink: { untilMs: -Infinity, retryMs: RETRY_MS },
    restate: { untilMs: -Infinity, retryMs: RETRY_MS },
    checkpoint: { untilMs: -Infinity, retryMs: RETRY_MS },
  };
  #stopped = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Called when records became durable; returns at once. */
  poke(): void {
    if (this.#running !== undefined || this.#stopped || this.#nextStep() === "rest") return;
    this.#running = this.#run();
  }

  /** Ends the step under way and takes no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.checkpoints.stop();
    await this.#running;
  }

  #nextStep(): Step {
    const { journal, checkpoints } = this.#parts;
    const oldest = journal.oldestClosed;
    if (oldest?.liveMessages === 0) {
      // The last one stays: a journal without any would look as one that somebody has lost.
      if (journal.segments.length > 1 && this.#isTimeFor("unlink")) return "unlink";
    } else if (oldest !== undefined && this.#isWasteful() && this.#isTimeFor("restate")) {
      return "restate";
    }
    return checkpoints.isDue && this.#isTimeFor("checkpoint") ? "checkpoint" : "rest";
  }

  #isTimeFor(step: Exclude<Step, "rest">): boolean {
    const { untilMs } = this.#delays[step];
    return untilMs === -Infinity || this.#parts.clock.monotonicMs() >= untilMs;
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
    for (let step = this.#nextStep(); step !== "rest" && !this.#stopped; step = this.#nextStep()) {
      const delay = this.#delays[step];
      if (await this.#take(step)) {
        delay.retryMs = RETRY_MS;
        continue;
      }
      delay.untilMs = this.#parts.clock.monotonicMs() + delay.retryMs;
      delay.retryMs = Math.min(2 * delay.retryMs, MAX_RETRY_MS);
    }
    this.#running = undefined;
  }

  /** False if it is to be tried again later. */
  #take(step: Exclude<Step, "rest">): Promise<boolean> {
    switch (step) {
      case "unlink":
        return this.#unlink();
      case "restate":
        return this.#restate();
      case "checkpoint":
        return this.#parts.checkpoints.write();
      default:
        return unreachable(step);
    }
  }

  async #unlink(): Promise<boolean> {
    const { journal, ledger, segments } = this.#parts;
    try {
      const gone = await journal.unlinkOldest();
      ledger.forget(gone);
      await segments.forget(gone);
      return true;
    } catch (error) {
      return this.#told(error, "Cannot unlink a segment");
    }
  }

  async #restate(): Promise<boolean> {
    const oldest = this.#parts.journal.oldestClosed;
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
