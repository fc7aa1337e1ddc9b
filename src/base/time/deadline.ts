/**
 * One deadline that moves often. The timer behind it is left alone while it fires
 * no later than it must, so that moving the deadline costs nothing most times.
 */
import type { Clock } from "#base/ports/clock.ts";

export class Deadline {
  readonly #clock: Clock;
  readonly #passed: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  /** @param passed is called each time that a deadline passes. */
  constructor(clock: Clock, passed: () => void) {
    this.#clock = clock;
    this.#passed = passed;
  }

  /** Moves the deadline to `delayMs` from now, but not beyond `latestMs` on the monotonic clock. */
  set(delayMs: number, latestMs: number = Number.POSITIVE_INFINITY): void {
    const nowMs = this.#clock.monotonicMs();
    this.#atMs = Math.min(nowMs + delayMs, latestMs);
    if (this.#timerAtMs <= this.#atMs) return;
    this.#cancelTimer?.();
    this.#start(Math.max(this.#atMs - nowMs, 0));
  }

  /** There is no deadline now; the timer may stay, and does nothing. */
  clear(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** Clears the deadline and its timer, for good. */
  stop(): void {
    this.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #start(delayMs: number): void {
    this.#timerAtMs = this.#clock.monotonicMs() + delayMs;
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#fired());
  }

  #fired(): void {
    this.#cancelTimer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (this.#atMs === Number.POSITIVE_INFINITY) return;
    const leftMs = this.#atMs - this.#clock.monotonicMs();
    if (leftMs > 0) return this.#start(leftMs);
    this.#atMs = Number.POSITIVE_INFINITY;
    this.#passed();
  }
}
