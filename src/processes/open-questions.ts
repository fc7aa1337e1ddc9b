/**
 * Questions that were sent over a channel and have no answer yet, by the number that the answer
 * comes with.
 *
 * Each is answered once: by the other end, or with what is given for one that came to nothing. How
 * many may be open is for whoever asks to say.
 */
import type { Clock } from "#base/ports/clock.ts";

/** What keeps an answer away: its time is over, or the other end is gone. */
export type Unanswered = "too-late" | "lost";

export interface QuestionTerms<Answer> {
  readonly withinMs: number;
  readonly without: (why: Unanswered) => Answer;
}

interface Open<Answer> {
  readonly send: (request: number) => void;
  readonly without: (why: Unanswered) => Answer;
  readonly resolve: (answer: Answer) => void;
  readonly cancelTimeout: () => void;
}

export class OpenQuestions<Answer> {
  readonly #clock: Clock;
  readonly #open = new Map<number, Open<Answer>>();
  #lastRequest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @param send sends it, with the number that it is given. Never rejects. */
  ask(
    send: (request: number) => void,
    { withinMs, without }: QuestionTerms<Answer>,
  ): Promise<Answer> {
    const request = this.#nextRequest();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const cancelTimeout = this.#clock.after(withinMs, () => {
      this.#open.delete(request);
      resolve(without("too-late"));
    });
    this.#open.set(request, { send, without, resolve, cancelTimeout });
    send(request);
    return promise;
  }

  /** Those that are open, to who has come since. */
  sendAgain(): void {
    for (const [request, { send }] of this.#open) send(request);
  }

  /** Takes an answer; one that nobody waits for any more is ignored. */
  answered(request: number, answer: Answer): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    this.#open.delete(request);
    open.cancelTimeout();
    open.resolve(answer);
  }

  /** The other end is gone: none of them will be answered. */
  lost(): void {
    for (const [request, { without }] of this.#open) this.answered(request, without("lost"));
  }

  /** A number that no open question has; it has 32 bits in the frame. */
  #nextRequest(): number {
    do this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    while (this.#open.has(this.#lastRequest));
    return this.#lastRequest;
  }
}
