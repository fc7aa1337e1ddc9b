/** What the parent asks its dispatchers for smtpctl(8): counters, and explanations. */
import type { Clock } from "#base/ports/clock.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import type { ChildToParent, Counter } from "#model/ipc/parent-link.ts";
import { RollCall } from "./roll-call.ts";
import type { Supervised } from "./supervised.ts";

/** A dispatcher that does not answer in time is left out of the counters. */
const COUNTERS_TIMEOUT_MS = 2_000;
/** An explanation asks DNS and users; smtpctl would be sent away after a minute. */
const EXPLAIN_TIMEOUT_MS = 45_000;

const NOBODY_EXPLAINS: ExplainFault = {
  kind: "explain-fault",
  why: "no dispatcher has answered",
};

type Answer = Extract<ChildToParent, { readonly kind: "counters" | "explained" }>;

export class DispatcherQuestions<End> {
  readonly #counters: RollCall<Supervised<End>, readonly Counter[]>;
  readonly #explained: RollCall<Supervised<End>, Explanation | ExplainFault>;
  #lastRequest = 0;

  constructor(clock: Clock) {
    this.#counters = new RollCall(clock);
    this.#explained = new RollCall(clock);
  }

  /** The counters of those that answer, one after the other. */
  async counters(running: readonly Supervised<End>[]): Promise<readonly Counter[]> {
    const request = ++this.#lastRequest;
    const called = this.#counters.call(request, running, COUNTERS_TIMEOUT_MS);
    for (const dispatcher of running) dispatcher.send({ kind: "counters-wanted", request });
    const { answers } = await called;
    return [...answers.values()].flat();
  }

  /** All dispatchers decide alike: one is asked. Undefined: there is none. */
  async explain(
    question: ExplainQuestion,
    dispatcher: Supervised<End> | undefined,
  ): Promise<Explanation | ExplainFault> {
    if (dispatcher === undefined) return NOBODY_EXPLAINS;
    const request = ++this.#lastRequest;
    const called = this.#explained.call(request, [dispatcher], EXPLAIN_TIMEOUT_MS);
    dispatcher.send({ kind: "explain", request, question });
    const { answers } = await called;
    return answers.get(dispatcher) ?? NOBODY_EXPLAINS;
  }

  /** Takes what a dispatcher says. */
  answered(dispatcher: Supervised<End>, answer: Answer): void {
    if (answer.kind === "counters") {
      this.#counters.answered(answer.request, dispatcher, answer.counters);
    } else this.#explained.answered(answer.request, dispatcher, answer.answer);
  }

  gone(dispatcher: Supervised<End>): void {
    this.#counters.gone(dispatcher);
    this.#explained.gone(dispatcher);
  }
}
