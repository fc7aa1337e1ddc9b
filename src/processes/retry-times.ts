/**
 * When what has failed may be tried again: each time twice as long after.
 *
 * Remembers a bounded number; beyond it the oldest is forgotten, and may be tried at once.
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";

export interface RetryBounds {
  readonly firstMs: number;
  readonly maxMs: number;
  /** How many are remembered. */
  readonly max: number;
}

export class RetryTimes<Key> {
  readonly #clock: Clock;
  readonly #bounds: RetryBounds;
  readonly #failures = new Map<Key, { readonly waitMs: number; readonly dueMs: number }>();

  constructor(clock: Clock, bounds: RetryBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  isDue(key: Key): boolean {
    const failure = this.#failures.get(key);
    return failure === undefined || failure.dueMs <= this.#clock.monotonicMs();
  }

  failed(key: Key): void {
    const { firstMs, maxMs, max } = this.#bounds;
    const before = this.#failures.get(key);
    const waitMs = before === undefined ? firstMs : Math.min(2 * before.waitMs, maxMs);
    this.#failures.delete(key);
    this.#failures.set(key, { waitMs, dueMs: this.#clock.monotonicMs() + waitMs });
    keepLatest(this.#failures, max);
  }

  forget(key: Key): void {
    this.#failures.delete(key);
  }

  /** Until the next of them is due, Infinity if there is none. One that is due already is not counted. */
  get nextInMs(): number {
    const nowMs = this.#clock.monotonicMs();
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#failures.values())
      if (dueMs > nowMs && dueMs < next) next = dueMs;
    return next - nowMs;
  }
}
