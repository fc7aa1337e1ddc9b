/**
 * Tables prepared for the question that a rule puts to them: each service has its
 * own idea of when a key matches (OpenSMTPD table.c).
 *
 * Answers are made when the table is compiled, so a lookup allocates next to
 * nothing. A key longer than any that a table may hold is absent, not an error: a
 * peer chooses its length, and must not be told to try again for ever.
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Table } from "#model/config/config.ts";
import { compileDomains } from "./domain.ts";
import { compileNetworks } from "./netaddr.ts";

export type Service = "string" | "domain" | "netaddr";

/** The value of what `key` matches; "" if the table is a list. */
export type TableLookup = (key: string) => Lookup<string>;

/** OpenSMTPD's (table.c). */
export const MAX_KEY_LENGTH = 1023;

export function compileTable(table: Table, service: Service): TableLookup {
  const answers = new Map(Array.from(table.entries, ([key, value]) => [key, found(value)]));
  const lookup = { string: compileStrings, domain: compileDomains, netaddr: compileNetworks }[
    service
  ](answers);
  return (key) => (key.length > MAX_KEY_LENGTH ? ABSENT : lookup(key.toLowerCase()));
}

function compileStrings(answers: ReadonlyMap<string, Lookup<string>>): TableLookup {
  return (key) => answers.get(key) ?? ABSENT;
}
