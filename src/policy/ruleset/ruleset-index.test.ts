import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Config } from "#model/config/config.ts";
import type { Criterion, Rule } from "#model/config/rule.ts";
import type { Table } from "#model/config/table.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import { Tables } from "#policy/tables/tables.ts";
import type { RuleMatch } from "#policy/expand/expansion-walk.ts";
import { compileRuleset } from "./ruleset.ts";
import type { RuleQuery } from "./ruleset-criteria.ts";

const AT = { file: "test", line: 1, column: 1 };
const DOMAINS = ["a", "b.a", "c.b.a", "*", "*.a", "*.B.a", "c*a"];
const ADDRESSES = ["u", "u+t", "u@a", "U+t@b.a", "@b.a", "@*.a", "u@*", "@*", "@", "@c*a"];
const NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "local"];

/** Knows a few keys, and is not to be asked about others. */
const BACKEND: TableBackend = {
  lookupAny(_service, keys): Promise<TableAnswer> {
    const entry = keys.find((key) => key === "b.a" || key === "u");
    if (entry !== undefined) return Promise.resolve({ kind: "found", value: "", entry });
    return Promise.resolve({ kind: "unavailable", cause: new Error("down") });
  },
};

type Keys = readonly string[] | "remote";

let tableCount = 0;

function table(keys: Keys): Table {
  const isRemote = keys === "remote";
  return {
    at: AT,
    name: `t${++tableCount}`,
    source: { kind: "inline" },
    shape: isRemote ? "remote" : "list",
    entries: new Map((isRemote ? [] : keys).map((key) => [key, ""])),
  };
}

function someOf(keys: readonly string[]): fc.Arbitrary<Keys> {
  const list = fc.array(fc.constantFrom(...keys), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 12, arbitrary: list },
    { weight: 1, arbitrary: fc.constant("remote" as const) },
  );
}

function criterion(asked: Criterion["test"]): fc.Arbitrary<Criterion> {
  return fc
    .integer({ min: 0, max: 5 })
    .map((dice) => ({ at: AT, negated: dice === 0, test: asked }));
}

const FROM = fc.option(someOf(NETWORKS)).chain((keys) =>
  criterion({
    kind: "from",
    from:
      keys === null
        ? { kind: "any" }
        : { kind: "src", match: { table: table(keys), regex: false } },
  }),
);
const FOR = fc.option(someOf(DOMAINS)).chain((keys) =>
  criterion({
    kind: "for",
    to:
      keys === null
        ? { kind: "any" }
        : { kind: "domain", match: { table: table(keys), regex: false } },
  }),
);
const MAILADDR = (kind: "mail-from" | "rcpt-to") =>
  fc
    .option(someOf(ADDRESSES))
    .chain((keys) =>
      keys === null
        ? fc.constant(undefined)
        : criterion({ kind, match: { table: table(keys), regex: false } }),
    );

const RULE: fc.Arbitrary<Rule> = fc
  .tuple(FROM, FOR, MAILADDR("mail-from"), MAILADDR("rcpt-to"))
  .map((criteria) => ({
    at: AT,
    criteria: criteria.filter((each) => each !== undefined),
    action: "reject",
  }));

const ADDRESS = fc
  .tuple(fc.constantFrom("u", "U+t", "v"), fc.constantFrom("a", "B.a", "c.b.a", "x"))
  .map((parts) => parts.join("@"));

const QUERY: fc.Arbitrary<RuleQuery> = fc.record({
  via: fc.constantFrom("tcp", "socket", "internal"),
  address: fc.constantFrom("10.0.0.1", "10.1.0.1", "192.0.2.1"),
  hostname: fc.constant("<unknown>"),
  helo: fc.constant(""),
  tag: fc.constant(""),
  username: fc.constant(""),
  tls: fc.constant(false),
  reversePath: fc.oneof(fc.constant(""), ADDRESS),
  destination: ADDRESS,
});

function compile(rules: readonly Rule[]) {
  const tables = new Map<string, Table>();
  for (const { criteria } of rules)
    for (const { test: asked } of criteria) {
      const part = asked.kind === "from" ? asked.from : asked.kind === "for" ? asked.to : asked;
      if ("match" in part && part.match !== undefined)
        tables.set(part.match.table.name, part.match.table);
    }
  const config: Partial<Config> = { serverName: "mx", subAddressDelimiter: "+", tables, rules };
  const registry = new Tables(tables, { delimiter: "+", backendOf: () => BACKEND });
  return { ruleset: compileRuleset(config as Config, registry), registry, tables };
}

function outcome(match: RuleMatch, rules: readonly Rule[]): number | string {
  return match.kind === "matched" ? rules.indexOf(match.rule) : match.kind;
}

test("decision is the same whether all rules are tried or only those that could match", async () => {
  const rules = fc.array(RULE, { minLength: 16, maxLength: 40 });
  const queries = fc.array(QUERY, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rules, queries, async (list, asked) => {
      const { ruleset, registry, tables } = compile(list);
      const compare = async (query: RuleQuery) => {
        const few = await ruleset.matchRule(query);
        const all = await ruleset.matchRule(query, () => undefined);
        assert.equal(outcome(few, list), outcome(all, list));
      };
      for (const query of asked) await compare(query);
      // Tables change places: what was made of their entries is made anew.
      const [first] = tables.values();
      if (first !== undefined && first.shape !== "remote")
        registry.replace({
          ...first,
          entries: new Map([
            ["b.a", ""],
            ["@b.a", ""],
          ]),
        });
      for (const query of asked) await compare(query);
    }),
    { numRuns: 300 },
  );
});

/** A rule for domains, or for addresses. */
function ruleFor(keys: readonly string[], kind: "for" | "rcpt-to"): Rule {
  const match = { table: table(keys), regex: false };
  const asked: Criterion["test"] =
    kind === "for" ? { kind, to: { kind: "domain", match } } : { kind, match };
  return { at: AT, criteria: [{ at: AT, negated: false, test: asked }], action: "reject" };
}

const RCPT: RuleQuery = {
  via: "tcp",
  address: "192.0.2.1",
  hostname: "<unknown>",
  helo: "",
  tag: "",
  username: "",
  tls: false,
  reversePath: "",
  destination: "u+t@mx.d777.example",
};

const FOUND: Readonly<Record<string, Rule>> = {
  "by a name in another case": ruleFor(["x", "MX.d777.Example"], "for"),
  "by a suffix": ruleFor(["*.d777.example"], "for"),
  "by a star": ruleFor(["*"], "for"),
  "by a star elsewhere": ruleFor(["mx.*.example"], "for"),
  "by one name of very many": ruleFor(
    ["mx.d777.example", ...Array.from({ length: 1000 }, (_, index) => `x${index}`)],
    "for",
  ),
  "by an address without its tag": ruleFor(["u@mx.d777.example"], "rcpt-to"),
  "by a user": ruleFor(["U"], "rcpt-to"),
  "by an address with a star elsewhere": ruleFor(["@mx.*.example"], "rcpt-to"),
  "by an address for all": ruleFor(["@"], "rcpt-to"),
};

for (const [name, rule] of Object.entries(FOUND))
  test(`rule among a thousand others is found ${name}`, () => {
    const others = Array.from({ length: 500 }, (_, index) => [
      ruleFor([`d${index}.example`], "for"),
      ruleFor([`v${index}@d${index}.example`], "rcpt-to"),
    ]).flat();
    const { ruleset } = compile(others.toSpliced(500, 0, rule));
    assert.deepEqual(ruleset.matchRule(RCPT), { kind: "matched", rule });
  });
