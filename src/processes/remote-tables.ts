/**
 * The tables of the process `lookup`, as a dispatcher or the queue asks them: one
 * question for all keys that would do.
 *
 * Answers are not remembered, so a table that was made anew is seen by the next recipient.
 * A question and its answer take about a tenth of a millisecond. Whatever keeps an answer
 * away (lookup is gone, or slow, or the file cannot be read) is "unavailable", never "absent".
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Table } from "#model/config/table.ts";
import {
  type LookupAnswer,
  MAX_LOOKUP_KEY_LENGTH,
  MAX_LOOKUP_KEYS,
} from "#model/ipc/lookup-link.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import { type LookupAsker, withoutValue } from "./lookup-asker.ts";

export class RemoteTables {
  readonly #lookup: LookupAsker;

  constructor(lookup: LookupAsker) {
    this.#lookup = lookup;
  }

  /** For policy/tables: undefined for a table that is not lookup's. */
  readonly backendOf = (table: Table): TableBackend | undefined => {
    if (table.source.kind !== "db") return undefined;
    return { lookupAny: (service, keys) => this.#ask(table.name, service, keys) };
  };

  /** Keys of a table that a relay goes by, in the order of their turns. */
  fetch({
    name,
    source,
    entries,
  }: Table): Lookup<readonly string[]> | Promise<Lookup<readonly string[]>> {
    return source.kind === "db" ? this.#fetch(name) : found([...entries.keys()]);
  }

  async #fetch(name: string): Promise<Lookup<readonly string[]>> {
    const answer = await this.#lookup.ask(`table ${name}`, (request) => ({
      kind: "fetch",
      request,
      table: name,
    }));
    return answer.kind === "fetched" ? found(answer.keys) : withoutValue(answer);
  }

  async #ask(table: string, service: TableService, keys: readonly string[]): Promise<TableAnswer> {
    const possible = possibleKeys(keys);
    if (possible.length === 0) return ABSENT;
    const answer = await this.#lookup.ask(`table ${table}`, (request) => ({
      kind: "table",
      request,
      table,
      service,
      keys: possible,
    }));
    return tableAnswer(table, answer);
  }
}

/** A longer key is in no table. */
function possibleKeys(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => key.length <= MAX_LOOKUP_KEY_LENGTH).slice(0, MAX_LOOKUP_KEYS);
}

function tableAnswer(table: string, answer: LookupAnswer): TableAnswer {
  switch (answer.kind) {
    case "found":
      return { kind: "found", value: answer.value, entry: answer.key };
    case "absent":
      return ABSENT;
    case "unavailable":
      return { kind: "unavailable", cause: new Error(answer.why) };
    case "auth":
    case "fetched":
    case "relay-credentials":
    case "sts":
      return unavailable(table, "the process lookup has answered something else");
    default:
      return unreachable(answer);
  }
}

function unavailable(table: string, why: string): TableAnswer {
  return { kind: "unavailable", cause: new Error(`table ${table}: ${why}`) };
}
