/**
 * The ruleset: which `match` line decides about a recipient. Rules are tried in
 * the order written, and in each `from` before `for`; the first whose criteria all
 * hold decides. A table that cannot be asked stops the search, since a later rule
 * might say the opposite.
 *
 * Internal mail (a bounce) and that of a UNIX socket count as `local`. `from
 * socket` is false for internal mail, which came over none; OpenSMTPD has crashed
 * on that.
 *
 * Source: OpenSMTPD ruleset.c; smtpd.conf(5).
 */
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import { unreachable } from "#base/unreachable.ts";
import type {
  Config,
  Criterion,
  ForCriterion,
  FromCriterion,
  Rule,
  Table,
} from "#model/config/config.ts";
import { compileTable, type TableLookup } from "#policy/tables/table-lookup.ts";

export interface RuleQuery {
  readonly via: "socket" | "tcp" | "internal";
  /** The client's address in text form; looked at for "tcp" only. */
  readonly address: string;
  /** Domain of the destination. */
  readonly domain: string;
}

export type RuleMatch =
  | { readonly kind: "matched"; readonly rule: Rule }
  | { readonly kind: "none" }
  | { readonly kind: "unavailable"; readonly cause: Error };

export interface Ruleset {
  matchRule(query: RuleQuery): RuleMatch;
}

type Test = (query: RuleQuery) => Lookup<unknown>;

interface CompiledRule {
  readonly tests: readonly { readonly test: Test; readonly wanted: "found" | "absent" }[];
  readonly match: RuleMatch;
}

const YES = found("");
const NO_RULE: RuleMatch = { kind: "none" };
const NO_ENTRIES: ReadonlyMap<string, string> = new Map();

export function compileRuleset(config: Config): Ruleset {
  const lookups = new Lookups(config);
  const rules = config.rules.map(
    (rule): CompiledRule => ({
      tests: [
        compileCriterion(rule.from, fromTest(rule.from.value, lookups)),
        compileCriterion(rule.for, forTest(rule.for.value, lookups)),
      ],
      match: { kind: "matched", rule },
    }),
  );
  return {
    matchRule(query) {
      for (const { tests, match } of rules) {
        const outcome = runTests(tests, query);
        if (outcome === "yes") return match;
        if (outcome !== "no") return outcome;
      }
      return NO_RULE;
    },
  };
}

function compileCriterion(
  criterion: Criterion<unknown>,
  test: Test,
): CompiledRule["tests"][number] {
  return { test, wanted: criterion.negated ? "absent" : "found" };
}

function runTests(tests: CompiledRule["tests"], query: RuleQuery): "yes" | "no" | RuleMatch {
  for (const { test, wanted } of tests) {
    const answer = test(query);
    if (answer.kind === "unavailable") return answer;
    if (answer.kind !== wanted) return "no";
  }
  return "yes";
}

function fromTest(from: FromCriterion, lookups: Lookups): Test {
  switch (from.kind) {
    case "any":
      return () => YES;
    case "socket":
      return ({ via }) => (via === "socket" ? YES : ABSENT);
    case "local":
      return (query) => lookups.localhost(sourceKey(query));
    case "src": {
      const lookup = compileTable(from.table, "netaddr");
      return (query) => lookup(sourceKey(query));
    }
    default:
      return unreachable(from);
  }
}

function forTest(forWhom: ForCriterion, lookups: Lookups): Test {
  switch (forWhom.kind) {
    case "any":
      return () => YES;
    case "local":
      return ({ domain }) => lookups.localnames(domain);
    case "domain": {
      const lookup = compileTable(forWhom.table, "domain");
      return ({ domain }) => lookup(domain);
    }
    default:
      return unreachable(forWhom);
  }
}

function sourceKey(query: RuleQuery): string {
  return query.via === "tcp" ? query.address : "local";
}

/** What `from local` and `for local` mean on this machine. */
class Lookups {
  /** `<localhost>`, and all of the loopback network. */
  readonly localhost: TableLookup;
  /** `<localnames>`, where an address may also stand as a literal (RFC 5321 §4.1.3). */
  readonly localnames: TableLookup;

  constructor(config: Config) {
    const addresses = config.tables.get("localhost")?.entries ?? NO_ENTRIES;
    const names = config.tables.get("localnames")?.entries ?? NO_ENTRIES;
    const literals = Array.from(addresses.keys(), (address) =>
      address.includes(":") ? `[ipv6:${address}]` : `[${address}]`,
    );
    this.localhost = compileTable(
      builtin([...addresses.keys(), "local", "127.0.0.0/8", "::1"]),
      "netaddr",
    );
    this.localnames = compileTable(
      builtin([...names.keys(), "localhost", config.serverName.toLowerCase(), ...literals]),
      "domain",
    );
  }
}

function builtin(keys: readonly string[]): Table {
  return {
    at: { file: "", line: 0, column: 0 },
    name: "",
    source: { kind: "builtin" },
    shape: "list",
    entries: new Map(keys.map((key) => [key, ""])),
  };
}
