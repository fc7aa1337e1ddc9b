/**
 * The queue's questions to its dispatchers for smtpctl(8). Who goes away, or does not answer
 * in time, is left out, and named: half an answer helps an operator.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Staged } from "#model/attempt-progress.ts";
import type { ViewAnswer, ViewQuestion } from "#model/ipc/view-link.ts";
import type { RelayAnswer, RelayQuestion } from "#model/relay-report.ts";
import { type Roll, RollCall } from "./roll-call.ts";

/** What a dispatcher has at hand it says at once, unless it is lost. */
const ANSWER_TIMEOUT_MS = 2_000;

type Send = (question: ViewQuestion) => void;

export class DispatcherViews {
  readonly #dispatchers = new Map<number, Send>();
  readonly #relaying: RollCall<number, RelayAnswer>;
  readonly #resumed: RollCall<number, boolean>;
  readonly #stages: RollCall<number, readonly Staged[]>;
  #lastRequest = 0;

  constructor(clock: Clock) {
    this.#relaying = new RollCall(clock);
    this.#resumed = new RollCall(clock);
    this.#stages = new RollCall(clock);
  }

  add(index: number, send: Send): void {
    this.#dispatchers.set(index, send);
  }

  /** A newer channel to the same dispatcher stays. */
  remove(index: number, send: Send): void {
    if (this.#dispatchers.get(index) !== send) return;
    this.#dispatchers.delete(index);
    for (const calls of [this.#relaying, this.#resumed, this.#stages]) calls.gone(index);
  }

  /** Of each dispatcher. */
  relaying(question: RelayQuestion): Promise<Roll<number, RelayAnswer>> {
    return this.#ask(this.#relaying, [...this.#dispatchers.keys()], (request) => ({
      kind: "relaying-asked",
      request,
      question,
    }));
  }

  /** False: it has no such route, or uses it already; undefined: it says nothing. */
  async resumeRoute(index: number, route: number): Promise<boolean | undefined> {
    const asked = this.#dispatchers.has(index) ? [index] : [];
    const { answers } = await this.#ask(this.#resumed, asked, (request) => ({
      kind: "resume-route",
      request,
      route,
    }));
    return answers.get(index);
  }

  /** How far `attempts` of one dispatcher are; fewer or none: it did not say. */
  async stages(index: number, attempts: readonly number[]): Promise<readonly Staged[]> {
    const asked = this.#dispatchers.has(index) ? [index] : [];
    const { answers } = await this.#ask(this.#stages, asked, (request) => ({
      kind: "stages-asked",
      request,
      attempts,
    }));
    return answers.get(index) ?? [];
  }

  /** Takes what a dispatcher says. */
  answered(index: number, answer: ViewAnswer): void {
    switch (answer.kind) {
      case "relaying":
        this.#relaying.answered(answer.request, index, answer.answer);
        return;
      case "route-resumed":
        this.#resumed.answered(answer.request, index, answer.isResumed);
        return;
      case "stages":
        this.#stages.answered(answer.request, index, answer.stages);
        return;
    }
  }

  async #ask<Answer>(
    calls: RollCall<number, Answer>,
    asked: readonly number[],
    question: (request: number) => ViewQuestion,
  ): Promise<Roll<number, Answer>> {
    // It has 32 bits in the frame; nothing is open for so long.
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const request = this.#lastRequest;
    const called = calls.call(request, asked, ANSWER_TIMEOUT_MS);
    for (const index of asked) this.#dispatchers.get(index)?.(question(request));
    return called;
  }
}
