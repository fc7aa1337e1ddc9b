/**
 * The tables of the process `lookup`, as a dispatcher or the queue asks them: one
 * question for all keys that would do.
 *
 * Answers are not remembered, so a table that was made anew is seen by the next recipient.
 * A question and its answer take about a tenth of a millisecond. Whatever keeps an answer away (lookup is gone, or slow, or the file cannot be read) is
 * "unavailable", never "absent". Right after the start, before lookup was ever there,
 * questions wait for it.
 */
import { ABSENT } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Table } from "#model/config/config.ts";
import {
  type LookupAnswer,
  type LookupQuestion,
  MAX_LOOKUP_KEY_LENGTH,
  MAX_LOOKUP_KEYS,
  MAX_LOOKUPS_UNDER_WAY,
} from "#model/ipc/lookup-link.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import type { Link } from "./channel.ts";

/** A local database answers in microseconds; who waits this long waits for something broken. */
export const LOOKUP_TIMEOUT_MS = 10_000;

type LookupLink = Link<LookupAnswer, LookupQuestion>;

interface Waiting {
  readonly question: LookupQuestion;
  readonly resolve: (answer: TableAnswer) => void;
  readonly cancelTimeout: () => void;
}

export class RemoteTables {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #link: LookupLink | "never-yet" | "gone" = "never-yet";
  #lastRequest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For policy/tables: undefined for a table that is not lookup's. */
  readonly backendOf = (table: Table): TableBackend | undefined => {
    if (table.source.kind !== "db") return undefined;
    return { lookupAny: (service, keys) => this.#ask(table.name, service, keys) };
  };

  /** The parent handed over a way to lookup: the first, or after it was started again. */
  linked(link: LookupLink): void {
    const wasEverThere = this.#link !== "never-yet";
    this.#link = link;
    link.start({
      message: (answer) => this.#answered(answer),
      closed: () => this.#lost(link),
    });
    if (wasEverThere) return;
    for (const { question } of this.#waiting.values()) link.send(question);
  }

  #ask(table: string, service: TableService, keys: readonly string[]): Promise<TableAnswer> {
    const link = this.#link;
    const possible = possibleKeys(keys);
    if (possible.length === 0) return Promise.resolve(ABSENT);
    if (link === "gone") return Promise.resolve(unavailable(table, "the process lookup is gone"));
    if (this.#waiting.size >= MAX_LOOKUPS_UNDER_WAY)
      return Promise.resolve(unavailable(table, "too many questions wait for an answer"));
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const question = { request: this.#lastRequest, table, service, keys: possible };
    const answer = this.#wait(question);
    if (link !== "never-yet") link.send(question);
    return answer;
  }

  #wait(question: LookupQuestion): Promise<TableAnswer> {
    const { request, table } = question;
    const { promise, resolve } = Promise.withResolvers<TableAnswer>();
    const cancelTimeout = this.#clock.after(LOOKUP_TIMEOUT_MS, () => {
      this.#waiting.delete(request);
      resolve(unavailable(table, "the process lookup did not answer in time"));
    });
    this.#waiting.set(request, { question, resolve, cancelTimeout });
    return promise;
  }

  #answered(answer: LookupAnswer): void {
    const waiting = this.#waiting.get(answer.request);
    // One that came too late.
    if (waiting === undefined) return;
    this.#waiting.delete(answer.request);
    waiting.cancelTimeout();
    waiting.resolve(tableAnswer(answer));
  }

  #lost(link: LookupLink): void {
    // The old one may be known to be gone only after the next is there.
    if (this.#link === link) this.#link = "gone";
    for (const { question, resolve, cancelTimeout } of this.#waiting.values()) {
      cancelTimeout();
      resolve(unavailable(question.table, "the process lookup went away"));
    }
    this.#waiting.clear();
  }
}

/** A longer key is in no table. */
function possibleKeys(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => key.length <= MAX_LOOKUP_KEY_LENGTH).slice(0, MAX_LOOKUP_KEYS);
}

function tableAnswer(answer: LookupAnswer): TableAnswer {
  switch (answer.kind) {
    case "found":
      return { kind: "found", value: answer.value, entry: answer.key };
    case "absent":
      return ABSENT;
    case "unavailable":
      return { kind: "unavailable", cause: new Error(answer.why) };
    default:
      return unreachable(answer);
  }
}

function unavailable(table: string, why: string): TableAnswer {
  return { kind: "unavailable", cause: new Error(`table ${table}: ${why}`) };
}
