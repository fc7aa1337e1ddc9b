/** Waits, with a bound, until the work of others is done. */
import type { Clock } from "#base/ports/clock.ts";

export class Drain {
  readonly #isDone: () => boolean;
  /** Ends the wait; undefined while nobody waits. */
  #end: (() => void) | undefined;

  constructor(isDone: () => boolean) {
    this.#isDone = isDone;
  }

  /** Work has ended, perhaps the last; costs nothing while nobody waits. */
  check(): void {
    if (this.#end !== undefined && this.#isDone()) this.#end();
  }

  /** Resolves when all is done, or after `maxMs`. */
  async wait(clock: Clock, maxMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#end = resolve;
    this.check();
    const cancel = clock.after(maxMs, resolve);
    await promise;
    this.#end = undefined;
    cancel();
  }
}
