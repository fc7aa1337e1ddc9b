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
import { OpenQuestions, type Unanswered } from "./open-questions.ts";

/** A local database answers in microseconds, a hash is made in less than a second: who waits this long waits for something broken. */
export const LOOKUP_TIMEOUT_MS = 10_000;

type LookupLink = Link<LookupMessage, LookupRequest>;

/** What lookup says without having been asked. */
export type Unasked = StapleMessage | LetterMessage;

const WORDS: Readonly<Record<Unanswered, string>> = {
  "too-late": "the process lookup did not answer in time",
  lost: "the process lookup went away",
};

export class LookupAsker {
  readonly #questions: OpenQuestions<LookupAnswer>;
  readonly #unasked: (message: Unasked) => void;
  #link: LookupLink | "never-yet" | "gone" = "never-yet";

  /** @param unasked hears what lookup says without having been asked. */
  constructor(clock: Clock, unasked: (message: Unasked) => void = () => undefined) {
    this.#questions = new OpenQuestions(clock);
    this.#unasked = unasked;
  }

  /** The parent handed over a way to lookup: the first, or after it was started again. */
  linked(link: LookupLink): void {
    const wasEverThere = this.#link !== "never-yet";
    this.#link = link;
    link.start({
      message: (message) => {
        if (message.kind === "staple" || message.kind === "letter") this.#unasked(message);
        else this.#questions.answered(message.request, message);
      },
      closed: () => {
        // The old one may be known to be gone only after the next is there.
        if (this.#link === link) this.#link = "gone";
        this.#questions.lost();
      },
    });
    if (!wasEverThere) this.#questions.sendAgain();
  }

  /**
   * Never rejects.
   *
   * @param about what the question is about, for the reason that there is no answer.
   * @param questionOf makes the question, with the number that it is given.
   */
  ask(about: string, questionOf: (request: number) => LookupQuestion): Promise<LookupAnswer> {
    if (this.#link === "gone")
      return Promise.resolve(unavailable(about, "the process lookup is gone"));
    if (this.#questions.size >= MAX_LOOKUPS_UNDER_WAY)
      return Promise.resolve(unavailable(about, "too many questions wait for an answer"));
    const send = (request: number): void => {
      if (typeof this.#link !== "string") this.#link.send(questionOf(request));
    };
    const without = (why: Unanswered): LookupAnswer => unavailable(about, WORDS[why]);
    return this.#questions.ask(send, { withinMs: LOOKUP_TIMEOUT_MS, without });
  }

  /** What has no answer. False: there is nobody to tell. */
  tell(news: LookupNews): boolean {
    if (typeof this.#link === "string") return false;
    this.#link.send(news);
    return true;
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
