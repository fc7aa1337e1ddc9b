/**
 * Reports on their way from lookup to the queue, which answers each once it is durable.
 *
 * Promises: never rejects. Without a queue, and from one that does not answer in time, it is
 * "later"; a report that was taken all the same then goes twice, under one report-id. As many
 * are under way as `ReportDays` sends at once.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { LetterOutcome, ReportLetter } from "#model/ipc/tls-report-link.ts";
import type { LookupLink } from "./answer-lookups.ts";

const LETTER_TIMEOUT_MS = 60_000;

interface UnderWay {
  readonly queue: LookupLink;
  readonly end: (outcome: LetterOutcome) => void;
}

export class ReportCourier {
  readonly #clock: Clock;
  readonly #underWay = new Map<number, UnderWay>();
  #queue: LookupLink | undefined;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  linked(queue: LookupLink): void {
    this.#queue = queue;
  }

  lost(queue: LookupLink): void {
    if (this.#queue === queue) this.#queue = undefined;
    for (const [number, letter] of this.#underWay)
      if (letter.queue === queue) this.ended(number, "later");
  }

  post(letter: ReportLetter): Promise<LetterOutcome> {
    const queue = this.#queue;
    if (queue === undefined) return Promise.resolve("later");
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const { promise, resolve } = Promise.withResolvers<LetterOutcome>();
    const cancel = this.#clock.after(LETTER_TIMEOUT_MS, () => this.ended(number, "later"));
    this.#underWay.set(number, {
      queue,
      end(outcome) {
        cancel();
        resolve(outcome);
      },
    });
    queue.send({ kind: "letter", number, letter });
    return promise;
  }

  ended(number: number, outcome: LetterOutcome): void {
    this.#underWay.get(number)?.end(outcome);
    this.#underWay.delete(number);
  }
}
