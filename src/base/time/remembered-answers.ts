/**
 * Answers that cost something to get, remembered for a short while: a flood of questions
 * must not become a flood at whoever answers them. Who asks while an answer is under way
 * gets that one. What was unavailable is not remembered: the next question may be answered.
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";

export interface RememberBounds {
  /** How long an answer is believed, counted from the question. */
  readonly keptMs: number;
  /** Beyond it the oldest is forgotten. */
  readonly maxKept: number;
}

interface Remembered<Answer> {
  readonly asked: Promise<Answer>;
  readonly answer: Promise<Answer>;
  readonly untilMs: number;
}

export class RememberedAnswers<Answer extends { readonly kind: string }> {
  readonly #clock: Clock;
  readonly #bounds: RememberBounds;
  /** In order of time. */
  readonly #remembered = new Map<string, Remembered<Answer>>();

  constructor(clock: Clock, bounds: RememberBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** The answer that is remembered or under way. */
  known(question: string): Promise<Answer> | undefined {
    const known = this.#remembered.get(question);
    const isFresh = known !== undefined && known.untilMs > this.#clock.monotonicMs();
    return isFresh ? known.answer : undefined;
  }

  /** The answer that is remembered or under way, or else that of `ask`. */
  answer(question: string, ask: () => Promise<Answer>): Promise<Answer> {
    return this.known(question) ?? this.keep(question, ask());
  }

  /** Remembers an answer that is asked for now, and gives it back. */
  keep(question: string, asked: Promise<Answer>): Promise<Answer> {
    const { keptMs, maxKept } = this.#bounds;
    const answer = this.#arrival(question, asked);
    this.#remembered.delete(question);
    const untilMs = this.#clock.monotonicMs() + keptMs;
    this.#remembered.set(question, { asked, answer, untilMs });
    keepLatest(this.#remembered, maxKept);
    return answer;
  }

  /** Forgets what is not to be remembered before anybody hears of it. */
  async #arrival(question: string, asked: Promise<Answer>): Promise<Answer> {
    let isToKeep = false;
    try {
      const answer = await asked;
      isToKeep = answer.kind !== "unavailable";
      return answer;
    } finally {
      // Another may have been asked for since.
      const isThis = this.#remembered.get(question)?.asked === asked;
      if (!isToKeep && isThis) this.#remembered.delete(question);
    }
  }
}
