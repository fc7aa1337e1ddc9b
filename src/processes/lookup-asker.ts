/**
 * Questions to the process `lookup`, and its answers.
 *
 * Whatever keeps an answer away (lookup is gone, or slow) is "unavailable" with a reason,
 * never another answer. Right after the start, before lookup was ever there, questions
 * wait for it.
 */
import { ABSENT, type Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import {
  type LetterMessage,
  type LookupAnswer,
  type LookupMessage,
  type LookupNews,
  type LookupQuestion,
  type LookupRequest,
  MAX_LOOKUPS_UNDER_WAY,
  type StapleMessage,
} from "#model/ipc/lookup-link.ts";
import type { Link } from "./channel.ts";

/** A local database answers in microseconds, a hash is made in less than a second: who waits this long waits for something broken. */
export const LOOKUP_TIMEOUT_MS = 10_000;

type LookupLink = Link<LookupMessage, LookupRequest>;

/** What lookup says without having been asked. */
export type Unasked = StapleMessage | LetterMessage;

interface Waiting {
  readonly about: string;
  readonly question: LookupQuestion;
  readonly resolve: (answer: LookupAnswer) => void;
  readonly cancelTimeout: () => void;
}

export class LookupAsker {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #link: LookupLink | "never-yet" | "gone" = "never-yet";
  #lastRequest = 0;
  readonly #unasked: (message: Unasked) => void;

  /** @param unasked hears what lookup says without having been asked. */
  constructor(clock: Clock, unasked: (message: Unasked) => void = () => undefined) {
    this.#clock = clock;
    this.#unasked = unasked;
  }

  /** The parent handed over a way to lookup: the first, or after it was started again. */
  linked(link: LookupLink): void {
    const wasEverThere = this.#link !== "never-yet";
    this.#link = link;
    link.start({
      message: (message) => {
        if (message.kind === "staple" || message.kind === "letter") this.#unasked(message);
        else this.#answered(message);
      },
      closed: () => this.#lost(link),
    });
    if (wasEverThere) return;
    for (const { question } of this.#waiting.values()) link.send(question);
  }

  /**
   * Never rejects.
   *
   * @param about what the question is about, for the reason that there is no answer.
   * @param questionOf makes the question, with the number that it is given.
   */
  ask(about: string, questionOf: (request: number) => LookupQuestion): Promise<LookupAnswer> {
    const link = this.#link;
    if (link === "gone") return Promise.resolve(unavailable(about, "the process lookup is gone"));
    if (this.#waiting.size >= MAX_LOOKUPS_UNDER_WAY)
      return Promise.resolve(unavailable(about, "too many questions wait for an answer"));
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const question = questionOf(this.#lastRequest);
    const answer = this.#wait(about, question);
    if (link !== "never-yet") link.send(question);
    return answer;
  }

  /** What has no answer. False: there is nobody to tell. */
  tell(news: LookupNews): boolean {
    if (typeof this.#link === "string") return false;
    this.#link.send(news);
    return true;
  }

  #wait(about: string, question: LookupQuestion): Promise<LookupAnswer> {
    const { request } = question;
    const { promise, resolve } = Promise.withResolvers<LookupAnswer>();
    const cancelTimeout = this.#clock.after(LOOKUP_TIMEOUT_MS, () => {
      this.#waiting.delete(request);
      resolve(unavailable(about, "the process lookup did not answer in time"));
    });
    this.#waiting.set(request, { about, question, resolve, cancelTimeout });
    return promise;
  }

  #answered(answer: LookupAnswer): void {
    const waiting = this.#waiting.get(answer.request);
    // One that came too late.
    if (waiting === undefined) return;
    this.#waiting.delete(answer.request);
    waiting.cancelTimeout();
    waiting.resolve(answer);
  }

  #lost(link: LookupLink): void {
    // The old one may be known to be gone only after the next is there.
    if (this.#link === link) this.#link = "gone";
    for (const { about, resolve, cancelTimeout } of this.#waiting.values()) {
      cancelTimeout();
      resolve(unavailable(about, "the process lookup went away"));
    }
    this.#waiting.clear();
  }
}

/** What an answer comes to that does not bring what was asked for. */
export function withoutValue(answer: LookupAnswer): Lookup<never> {
  if (answer.kind === "absent") return ABSENT;
  return { kind: "unavailable", cause: new Error(whyNone(answer)) };
}

/** Why an answer that is not the one that was asked for says nothing. */
export function whyNone(answer: LookupAnswer): string {
  return answer.kind === "unavailable" ? answer.why : "the process lookup has erred";
}

/** An answer of our own; nobody looks at its number. */
function unavailable(about: string, why: string): LookupAnswer {
  return { kind: "unavailable", request: 0, why: `${about}: ${why}` };
}
