/**
 * When a session's peer must have done the next thing.
 *
 * Moving the deadline makes no timer: one timer looks at it when it fires, and is
 * set again for what is left. So a deadline that is moved nearer may be noticed
 * late, by at most the time that the timer was last set for.
 */
import type { Clock } from "#base/ports/clock.ts";

export class Deadline {
  readonly #clock: Clock;
  readonly #passed: () => void;
  #atMs: number;
  #cancel: () => void;

  /** @param passed is called once, unless `cancel` is called before. */
  constructor(clock: Clock, waitMs: number, passed: () => void) {
    this.#clock = clock;
    this.#passed = passed;
    this.#atMs = clock.monotonicMs() + waitMs;
    this.#cancel = clock.after(waitMs, this.#look);
  }

  /** Moves the deadline to `waitMs` from now, but not beyond `latestMs` on the monotonic clock. */
  move(waitMs: number, latestMs: number = Number.POSITIVE_INFINITY): void {
    this.#atMs = Math.min(this.#clock.monotonicMs() + waitMs, latestMs);
  }

  cancel(): void {
    this.#cancel();
  }

  readonly #look = (): void => {
    const leftMs = this.#atMs - this.#clock.monotonicMs();
    if (leftMs > 0) this.#cancel = this.#clock.after(leftMs, this.#look);
    else this.#passed();
  };
}
