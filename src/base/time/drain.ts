/** Waits, with a bound, until the work of others is done. */
import type { Clock } from "#base/ports/clock.ts";

export class Drain {
  readonly #isDone: () => boolean;
  readonly #done = Promise.withResolvers<void>();

  constructor(isDone: () => boolean) {
    this.#isDone = isDone;
  }

  /** Work has ended, perhaps the last. */
  check(): void {
    if (this.#isDone()) this.#done.resolve();
  }

  /** Resolves when all is done, or after `maxMs`. */
  async wait(clock: Clock, maxMs: number): Promise<void> {
    this.check();
    const cancel = clock.after(maxMs, this.#done.resolve);
    await this.#done.promise;
    cancel();
  }
}
