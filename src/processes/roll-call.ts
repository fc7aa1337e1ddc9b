/**
 * One question to several children at once, and their answers.
 *
 * Who goes away is not waited for, and nobody is waited for longer than the caller
 * allows. Several questions may be open, each under a number of its own.
 */
import type { Clock } from "#base/ports/clock.ts";

export interface Roll<Member, Answer> {
  readonly answers: ReadonlyMap<Member, Answer>;
  /** They are there and did not answer in time. */
  readonly silent: readonly Member[];
}

interface Call<Member, Answer> {
  readonly missing: Set<Member>;
  readonly answers: Map<Member, Answer>;
  readonly complete: () => void;
}

export class RollCall<Member, Answer> {
  readonly #clock: Clock;
  readonly #calls = new Map<number, Call<Member, Answer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for an answer of each of `members`; ask them after this was called. */
  async call(
    number: number,
    members: readonly Member[],
    timeoutMs: number,
  ): Promise<Roll<Member, Answer>> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const call: Call<Member, Answer> = {
      missing: new Set(members),
      answers: new Map(),
      complete: resolve,
    };
    this.#calls.set(number, call);
    const cancel = this.#clock.after(timeoutMs, resolve);
    if (members.length === 0) resolve();
    await promise;
    cancel();
    this.#calls.delete(number);
    return { answers: call.answers, silent: [...call.missing] };
  }

  /** An answer to a question that is not open any more is nobody's. */
  answered(number: number, member: Member, answer: Answer): void {
    const call = this.#calls.get(number);
    if (call?.missing.delete(member) !== true) return;
    call.answers.set(member, answer);
    if (call.missing.size === 0) call.complete();
  }

  gone(member: Member): void {
    for (const { missing, complete } of this.#calls.values()) {
      missing.delete(member);
      if (missing.size === 0) complete();
    }
  }
}
