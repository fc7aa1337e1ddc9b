/**
 * Virtual time: nothing happens until a test lets time pass, and five days pass
 * in milliseconds.
 *
 * Timers run in the order of their due times, equal ones in the order of their
 * making. Between two timers every promise that is ready runs to its end, so
 * that what a timer started is done before the next one. Wall-clock time can
 * jump (`jumpWall`); monotonic time cannot. Real I/O is not waited for.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type SimTimer, TimerHeap } from "./timer-heap.ts";

/** 2026-01-01T00:00:00Z, where simulated time starts. */
const START_WALL_MS = 1_767_225_600_000;

export class SimClock implements Clock {
  readonly #timers = new TimerHeap();
  /** What timers count. */
  #nowMs = 0;
  #sleptMs = 0;
  #wallOffsetMs: number;
  #made = 0;

  /** @param startWallMs the wall clock's reading at monotonic time 0. */
  constructor(startWallMs: number = START_WALL_MS) {
    this.#wallOffsetMs = startWallMs;
  }

  wallMs(): number {
    return this.monotonicMs() + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#nowMs + this.#sleptMs;
  }

  after(delayMs: number, run: () => void): () => void {
    if (Number.isNaN(delayMs))
      throw new RangeError("Cannot start a timer: its delay is not a number");
    const timer: SimTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#made++, run };
    this.#timers.add(timer);
    return () => this.#timers.cancel(timer);
  }

  /** Timers that have neither run nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** The machine sleeps for `ms`: both clocks go on, timers do not. */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  /** When the next timer is due, in monotonic milliseconds; undefined if there is none. */
  get nextDueMs(): number | undefined {
    return this.#timers.first()?.dueMs;
  }

  /** Moves the wall clock by `ms` (which may be negative); timers and monotonic time do not notice. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Lets everything run that waits for promises only; no time passes. */
  async settle(): Promise<void> {
    // An immediate comes after all microtasks and ticks, also those that they add.
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Lets `ms` pass, running what falls due, also what is added on the way. */
  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.#nowMs + ms);
  }

  /** Lets time pass until `untilMs` on the monotonic clock; settles first and last. */
  async advanceTo(untilMs: number): Promise<void> {
    await this.#runDue(untilMs, never);
    if (untilMs > this.#nowMs) this.#nowMs = untilMs;
  }

  /**
   * Runs timers until none is left, or until `maxMs` would have passed. The clock
   * stops at the last timer that ran. "busy" means that timers are left.
   */
  async runUntilIdle(maxMs: number): Promise<"idle" | "busy"> {
    await this.#runDue(this.#nowMs + maxMs, never);
    return this.#timers.size === 0 ? "idle" : "busy";
  }

  /**
   * Runs timers until `holds` is true, checked after each timer.
   *
   * @throws {Error} if it does not hold after `maxMs`, or when no timer is left.
   */
  async runUntil(holds: () => boolean, maxMs: number): Promise<void> {
    await this.#runDue(this.#nowMs + maxMs, holds);
    if (!holds()) throw new Error(`Waited in vain: not so after ${maxMs} ms of simulated time`);
  }

  /**
   * Runs timers until `promise` is settled, and returns its value or throws its error.
   *
   * @throws {Error} if it is not settled after `maxMs`, or when no timer is left.
   */
  async runUntilSettled<Value>(promise: Promise<Value>, maxMs: number): Promise<Value> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, maxMs);
    return promise;
  }

  async #runDue(untilMs: number, enough: () => boolean): Promise<void> {
    await this.settle();
    while (!enough()) {
      const next = this.#timers.first();
      if (next === undefined || next.dueMs > untilMs) return;
      this.#nowMs = next.dueMs;
      this.#timers.cancel(next);
      next.run();
      await this.settle();
    }
  }
}

function never(): boolean {
  return false;
}
