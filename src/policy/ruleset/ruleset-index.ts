/**
 * Which rules could match at all, by what they say of the recipient or the sender: with a
 * thousand rules `match … for domain NAME` a decision tries the few that name the
 * domain, not all.
 *
 * A rule is found by one criterion, its key: one that is not negated, whose table is in
 * memory, small, and without regular expressions or stars but in front. Such a criterion
 * holds only if an entry is one of the forms of what is looked up (policy/tables,
 * key-forms.ts). Rules without a key are always tried. The decision is the same as that
 * of trying all rules: a criterion that stands before the key, and so would be asked
 * first, must not be one that can fail to answer.
 */
import { unreachable } from "#base/unreachable.ts";
import { type Rule, tableMatchOf } from "#model/config/rule.ts";
import type { Table } from "#model/config/table.ts";
import { isSimplePattern } from "#policy/tables/glob.ts";
import { domainKeys, mailaddrKeys } from "#policy/tables/key-forms.ts";
import { foldKey } from "#policy/tables/key-index.ts";
import type { Tables } from "#policy/tables/tables.ts";
import type { Facts } from "./ruleset-criteria.ts";

/** A larger table would be in memory twice; few rules have one. */
const MAX_KEY_ENTRIES = 64;
/** For fewer rules the index takes longer than they do. */
const MIN_RULES = 16;

type KeyKind = "for" | "rcpt-to" | "mail-from";
/** The most telling first: the rules of a server differ in their recipients more than in anything else. */
const KEY_KINDS: readonly KeyKind[] = ["for", "rcpt-to", "mail-from"];

export class RuleIndex {
  /** In ascending order, as are the numbers of rules in the lists of `#byKey`. */
  readonly #unkeyed: number[] = [];
  readonly #byKey: Readonly<Record<KeyKind, Map<string, number[]>>> = {
    for: new Map(),
    "rcpt-to": new Map(),
    "mail-from": new Map(),
  };
  readonly #delimiter: string;
  /** More hits are not worth putting in order: all rules are tried. */
  readonly #maxHits: number;

  constructor(rules: readonly Rule[], tables: Tables, delimiter: string) {
    this.#delimiter = delimiter;
    this.#maxHits = rules.length / 8;
    for (const [number, rule] of rules.entries()) {
      const key = rules.length < MIN_RULES ? undefined : keyOf(rule, tables);
      if (key === undefined) this.#unkeyed.push(number);
      else this.#add(number, key.kind, key.table);
    }
  }

  /** Numbers of the rules to try, ascending; undefined: all. */
  candidates(facts: Facts): readonly number[] | undefined {
    const hits = KEY_KINDS.flatMap((kind) => {
      const byKey = this.#byKey[kind];
      if (byKey.size === 0) return [];
      return formsOf(kind, facts, this.#delimiter).flatMap((form) => byKey.get(form) ?? []);
    });
    if (hits.length === 0) return this.#unkeyed;
    if (hits.length > this.#maxHits) return undefined;
    return merged(this.#unkeyed, hits);
  }

  #add(number: number, kind: KeyKind, table: Table): void {
    const byKey = this.#byKey[kind];
    for (const entry of table.entries.keys()) {
      const key = foldKey(entry);
      const numbers = byKey.get(key);
      if (numbers === undefined) byKey.set(key, [number]);
      else numbers.push(number);
    }
  }
}

/** Both lists in one, ascending, each number once: a rule may be found by two of its entries. */
function merged(ascending: readonly number[], hits: readonly number[]): readonly number[] {
  const sorted = hits.toSorted((left, right) => left - right);
  const all: number[] = [];
  let at = 0;
  for (const hit of sorted) {
    for (let next = ascending[at]; next !== undefined && next < hit; next = ascending[++at])
      all.push(next);
    if (all.at(-1) !== hit) all.push(hit);
  }
  return all.concat(ascending.slice(at));
}

function formsOf(kind: KeyKind, facts: Facts, delimiter: string): readonly string[] {
  switch (kind) {
    case "for":
      return domainKeys(facts.domain).all;
    case "rcpt-to":
      return mailaddrKeys(facts.destination, delimiter).all;
    case "mail-from":
      return mailaddrKeys(facts.sender, delimiter).all;
    default:
      return unreachable(kind);
  }
}

/** The best of the criteria by which the rule can be found. */
function keyOf(
  rule: Rule,
  tables: Tables,
): { readonly kind: KeyKind; readonly table: Table } | undefined {
  const keys = new Map<string, Table>();
  for (const criterion of rule.criteria) {
    const match = tableMatchOf(criterion.test);
    if (match === undefined) continue;
    const table = tables.get(match.table.name) ?? match.table;
    if (match.regex || table.shape === "remote") break;
    if (!criterion.negated && isSmallAndSimple(table)) keys.set(criterion.test.kind, table);
  }
  for (const kind of KEY_KINDS) {
    const table = keys.get(kind);
    if (table !== undefined) return { kind, table };
  }
  return undefined;
}

function isSmallAndSimple({ entries }: Table): boolean {
  if (entries.size > MAX_KEY_ENTRIES) return false;
  // Of a mail address only the domain may be a pattern; a star in its user is a character.
  return [...entries.keys()].every((entry) => {
    const domain = entry.slice(entry.lastIndexOf("@") + 1);
    return !domain.includes("*") || isSimplePattern(domain);
  });
}
