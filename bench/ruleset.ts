/**
 * What a decision costs: 1,000 rules, and tables of 100,000 entries.
 *
 *     bin/node --expose-gc bench/ruleset.ts
 *
 * Each line is one kind of rule a thousand times, or one rule with one large table, and
 * the time of a decision that tries them all and that ends at the last. Memory is what
 * compiling took besides the configuration itself.
 */
import type { Config } from "#model/config/config.ts";
import type { Criterion, Rule } from "#model/config/rule.ts";
import type { Table, TableMatch } from "#model/config/table.ts";
import type { RuleQuery } from "#policy/ruleset/ruleset-criteria.ts";
import { compileRuleset } from "#policy/ruleset/ruleset.ts";
import { Tables } from "#policy/tables/tables.ts";

const RULES = 1000;
const ENTRIES = 100_000;
/** Each figure is the best of a few rounds of so long. */
const ROUND_MS = 200;
const ROUNDS = 5;

const AT = { file: "bench", line: 1, column: 1 };
const QUERY: RuleQuery = {
  via: "tcp",
  address: "203.0.113.9",
  hostname: "client.example.net",
  helo: "client.example.net",
  tag: "",
  username: "",
  tls: false,
  reversePath: "sender@origin.example.net",
  destination: "recipient@mail.example.org",
};

interface Scenario {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly query: RuleQuery;
}

let tableCount = 0;

function list(keys: readonly string[]): TableMatch {
  const table: Table = {
    at: AT,
    name: `t${++tableCount}`,
    source: { kind: "inline" },
    shape: "list",
    entries: new Map(keys.map((key) => [key, ""])),
  };
  return { table, regex: false };
}

function rule(...tests: readonly Criterion["test"][]): Rule {
  const criteria = tests.map((test): Criterion => ({ at: AT, negated: false, test }));
  return { at: AT, criteria, action: "reject" };
}

function many(make: (index: number) => Rule): readonly Rule[] {
  return Array.from({ length: RULES }, (_, index) => make(index));
}

function manyKeys(make: (index: number) => string): readonly string[] {
  return Array.from({ length: ENTRIES }, (_, index) => make(index));
}

const FROM_ANY = { kind: "from", from: { kind: "any" } } as const;
const FOR_ANY = { kind: "for", to: { kind: "any" } } as const;

function forDomain(match: TableMatch): Criterion["test"] {
  return { kind: "for", to: { kind: "domain", match } };
}

function fromSource(match: TableMatch): Criterion["test"] {
  return { kind: "from", from: { kind: "src", match } };
}

function octets(index: number): string {
  return `${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "rules: for domain NAME",
    rules: many((index) => rule(FROM_ANY, forDomain(list([`d${index}.example`])))),
    query: QUERY,
  },
  {
    name: "rules: for domain { 10 names and patterns }",
    rules: many((index) =>
      rule(
        FROM_ANY,
        forDomain(
          list(
            Array.from(
              { length: 10 },
              (_, at) => `${at % 2 === 0 ? "*." : ""}d${at}.e${index}.example`,
            ),
          ),
        ),
      ),
    ),
    query: QUERY,
  },
  {
    name: "rules: from src NETWORK",
    rules: many((index) =>
      rule(fromSource(list([`10.${octets(index << 8).slice(2)}/24`])), FOR_ANY),
    ),
    query: QUERY,
  },
  {
    name: "rules: mail-from @DOMAIN, rcpt-to USER@DOMAIN",
    rules: many((index) =>
      rule(
        FROM_ANY,
        FOR_ANY,
        { kind: "mail-from", match: list([`@origin.example.net`, `@d${index}.example`]) },
        { kind: "rcpt-to", match: list([`user${index}@mail.example.org`]) },
      ),
    ),
    query: QUERY,
  },
  {
    name: "rules: from local (none holds at the first look)",
    rules: many(() =>
      rule({ kind: "from", from: { kind: "local" } }, { kind: "for", to: { kind: "local" } }),
    ),
    query: QUERY,
  },
  {
    name: "table: for domain, exact names",
    rules: [rule(FROM_ANY, forDomain(list(manyKeys((index) => `d${index}.example.org`))))],
    query: { ...QUERY, destination: "a@d77777.example.org" },
  },
  {
    name: "table: for domain, *.suffixes",
    rules: [rule(FROM_ANY, forDomain(list(manyKeys((index) => `*.d${index}.example.org`))))],
    query: { ...QUERY, destination: "a@x.y.d77777.example.org" },
  },
  {
    name: "table: from src, addresses and networks",
    rules: [
      rule(
        fromSource(
          list(manyKeys((index) => `10.${octets(index)}${["", "/24", "/28", "/16"][index % 4]}`)),
        ),
        FOR_ANY,
      ),
    ],
    query: { ...QUERY, address: "10.1.0.9" },
  },
  {
    name: "table: from src, IPv6 networks",
    rules: [
      rule(
        fromSource(
          list(manyKeys((index) => `2001:db8:${index.toString(16).slice(-4)}:${index >> 16}::/64`)),
        ),
        FOR_ANY,
      ),
    ],
    query: { ...QUERY, address: "2001:db8:ffff::9" },
  },
  {
    name: "table: rcpt-to, users and domains",
    rules: [
      rule(FROM_ANY, FOR_ANY, {
        kind: "rcpt-to",
        match: list(
          manyKeys((index) =>
            index % 2 === 0 ? `user${index}@example.org` : `@*.d${index}.example`,
          ),
        ),
      }),
    ],
    query: { ...QUERY, destination: "a+tag@x.d77777.example" },
  },
  {
    name: "table: mail-from regex, 200 patterns",
    rules: [
      rule(FROM_ANY, FOR_ANY, {
        kind: "mail-from",
        match: {
          ...list(
            Array.from(
              { length: 200 },
              (_, index) => `^[a-z.]+${index}@(mail|mx)[0-9]*\\.example${index}\\.`,
            ),
          ),
          regex: true,
        },
      }),
    ],
    query: QUERY,
  },
];

function measure({ name, rules, query }: Scenario): string {
  const tables = new Map(rules.flatMap(tablesOf).map((table) => [table.name, table]));
  const config = { serverName: "mx.example.org", subAddressDelimiter: "+", tables, rules };
  const beforeBytes = usedBytes();
  const startMs = performance.now();
  const ruleset = compileRuleset(
    config as Partial<Config> as Config,
    new Tables(tables, { delimiter: "+" }),
  );
  const compileMs = performance.now() - startMs;
  const heapMegabytes = (usedBytes() - beforeBytes) / 1e6;
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    let count = 0;
    const roundMs = performance.now();
    // New strings each time, as a session has them.
    for (; performance.now() - roundMs < ROUND_MS; count++)
      void ruleset.matchRule({
        ...query,
        destination: `${query.destination.slice(0, 1)}${query.destination.slice(1)}`,
      });
    bestUs = Math.min(bestUs, ((performance.now() - roundMs) * 1000) / count);
  }
  const match = ruleset.matchRule(query);
  const outcome = match instanceof Promise ? "later" : match.kind;
  const figures = [
    `${bestUs.toFixed(2).padStart(8)} µs`,
    `${compileMs.toFixed(0).padStart(5)} ms`,
    `${heapMegabytes.toFixed(1).padStart(6)} MB`,
  ];
  return `${name.padEnd(50)} ${figures.join(" ")}  ${outcome}`;
}

function tablesOf({ criteria }: Rule): readonly Table[] {
  return criteria.flatMap(({ test }) => {
    const part = test.kind === "from" ? test.from : test.kind === "for" ? test.to : test;
    return "match" in part && part.match !== undefined ? [part.match.table] : [];
  });
}

function usedBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

console.log(`${"".padEnd(50)} decision  compile    heap  outcome`);
for (const scenario of SCENARIOS) console.log(measure(scenario));
