/**
 * Joins two children: each is handed an end of a fresh pair, and says that it has it.
 *
 * A socket that is handed over may be lost. A child that is out of descriptors receives
 * the message without it; Node sends it a few times more, then closes it and tells only
 * by a warning. So who does not say in time that it has its end does not have it.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Child, Destroyable, Handover, Pairs } from "./child.ts";

/** Over a pipe within one machine: who takes longer is stuck, or was handed nothing. */
const HANDOVER_TIMEOUT_MS = 10_000;

/** One of the two. */
export interface Side<End> {
  readonly child: Child<End>;
  /** What it is told of the other, when it is handed its end. */
  readonly handover: () => Omit<Handover, "number">;
}

export interface JoinFault<End> {
  readonly why: string;
  /** Who does not have its end; undefined: there are none. */
  readonly child: Child<End> | undefined;
}

export class Joins<End extends Destroyable> {
  readonly #clock: Clock;
  readonly #pairs: Pairs<End>;
  /** By the number of the handover. */
  readonly #waiting = new Map<number, () => void>();
  #last = 0;

  constructor(clock: Clock, pairs: Pairs<End>) {
    this.#clock = clock;
    this.#pairs = pairs;
  }

  /** Tries once. Undefined when both have their ends, else why they are not joined. */
  async join(one: Side<End>, other: Side<End>): Promise<JoinFault<End> | undefined> {
    const pair = await this.#pairs.pair();
    if (typeof pair === "string") return { why: pair, child: undefined };
    const faults = await Promise.all([this.#give(one, pair[0]), this.#give(other, pair[1])]);
    return faults.find((fault) => fault !== undefined);
  }

  /** A child says that it has what it was handed under `number`. */
  arrived(number: number): void {
    this.#waiting.get(number)?.();
  }

  /** No more are made. */
  close(): Promise<void> {
    return this.#pairs.close();
  }

  async #give({ child, handover }: Side<End>, end: End): Promise<JoinFault<End> | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    this.#waiting.set(number, () => resolve(undefined));
    const cancel = this.#clock.after(HANDOVER_TIMEOUT_MS, () =>
      resolve("a socket that was handed over did not arrive"),
    );
    void child.exited.then(() => resolve("a process has ended"));
    child.handOver({ ...handover(), number }, end);
    const why = await promise;
    cancel();
    this.#waiting.delete(number);
    return why === undefined ? undefined : { why, child };
  }
}
