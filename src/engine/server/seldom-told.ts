/**
 * What a flood may cause is told seldom: the first of each kind at once, those that follow
 * within a second together, with their number and the last of them. A flood of connections
 * is none of lines.
 */
import type { Clock } from "#base/ports/clock.ts";
import { TOLD_AGAIN_MS } from "./limits.ts";

/** Tells of `count` of them, of which `last` is one. */
export type Tell = (last: string, count: number) => void;

interface Untold {
  count: number;
  last: string;
}

export class SeldomTold<Kind> {
  readonly #clock: Clock;
  /** Kinds that were told of less than a second ago, and what came since. */
  readonly #untold = new Map<Kind, Untold>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param kind one of few. */
  add(kind: Kind, what: string, tell: Tell): void {
    const untold = this.#untold.get(kind);
    if (untold !== undefined) {
      untold.count++;
      untold.last = what;
      return;
    }
    tell(what, 1);
    this.#untold.set(kind, { count: 0, last: what });
    this.#wait(kind, tell);
  }

  #wait(kind: Kind, tell: Tell): void {
    this.#clock.after(TOLD_AGAIN_MS, () => this.#tellRest(kind, tell));
  }

  #tellRest(kind: Kind, tell: Tell): void {
    const untold = this.#untold.get(kind);
    if (untold === undefined || untold.count === 0) {
      this.#untold.delete(kind);
      return;
    }
    tell(untold.last, untold.count);
    untold.count = 0;
    this.#wait(kind, tell);
  }
}
