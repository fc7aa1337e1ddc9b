/** Lookup's end of the channel to a sibling that asks it. */
import {
  isNews,
  type LookupAnswer,
  type LookupMessage,
  type LookupNews,
  type LookupQuestion,
  type LookupRequest,
  MAX_LOOKUPS_UNDER_WAY,
} from "#model/ipc/lookup-link.ts";
import type { Link } from "./channel.ts";

export type LookupLink = Link<LookupRequest, LookupMessage>;

/** What else there is to hear of a sibling. */
export interface Hearing {
  readonly told: (news: LookupNews) => void;
  readonly closed: () => void;
}

/**
 * Answers the questions of one sibling, as fast as it takes the answers: those about
 * tables in their order. One that it may not ask (undefined) ends it.
 */
export function answerLookups(
  channel: LookupLink,
  answer: (question: LookupQuestion) => LookupAnswer | Promise<LookupAnswer> | undefined,
  { told, closed }: Hearing,
): void {
  const waiting: LookupQuestion[] = [];
  let isOpen = true;
  const work = (): void => {
    while (!channel.congested) {
      const question = waiting.shift();
      if (question === undefined) return;
      const answered = answer(question);
      if (answered === undefined) channel.destroy();
      else if (answered instanceof Promise) void later(answered);
      else channel.send(answered);
    }
  };
  const later = async (answered: Promise<LookupAnswer>): Promise<void> => {
    const message = await answered;
    if (isOpen) channel.send(message);
  };
  channel.start({
    message(question) {
      if (isNews(question)) {
        told(question);
        return;
      }
      // A sibling asks no more than that before it has answers.
      if (waiting.length >= MAX_LOOKUPS_UNDER_WAY) channel.destroy();
      else waiting.push(question);
      work();
    },
    drained: work,
    closed: () => {
      isOpen = false;
      waiting.length = 0;
      closed();
    },
  });
}
