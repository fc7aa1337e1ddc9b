/**
 * One deadline that moves often. The timer behind it is left alone while it fires
 * no later than it must, so that moving the deadline costs nothing most times.
 */
import type { Clock } from "#base/ports/clock.ts";

export class Deadline {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Moves the deadline to `delayMs` from now. */
  set(delayMs: number): void {
    this.#atMs = this.#clock.monotonicMs() + delayMs;
    if (this.#timerAtMs <= this.#atMs) return;
    this.#cancelTimer?.();
    this.#start(delayMs);
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
    this.#expired();
  }
}
