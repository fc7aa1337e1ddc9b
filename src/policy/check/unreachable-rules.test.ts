import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { configOf } from "#test/support/config-of.ts";
import type { RuleQuery } from "#policy/ruleset/ruleset-criteria.ts";
import { compileRuleset } from "#policy/ruleset/ruleset.ts";
import { Tables } from "#policy/tables/tables.ts";
import { unreachableRules } from "./unreachable-rules.ts";

/** Which of the rules are told of, counted from 0. */
function told(...rules: readonly string[]): readonly number[] {
  const config = configOf(
    "table hosts { 10.0.0.1, 10.1.0.0/16 }",
    "action a relay\naction b relay",
    // Stars and addresses need quotes.
    ...rules.map((rule) => rule.replaceAll(/[^ {},]*[@*][^ {},]*/gu, '"$&"')),
  );
  return unreachableRules(config).map(({ at }) => at.line - 4);
}

const SHADOWED: readonly (readonly [first: string, second: string])[] = [
  ["from any for any", "from any for any"],
  ["from any for any", "from socket for domain a tag X tls auth"],
  ["for any", "for local"],
  ["from any for any", "from src <hosts> !for domain a"],
  ["from local for any", "from socket for any"],
  ["from src <anyhost> for any", "from any for local"],
  ["from src <hosts> for any", "from src 10.1.2.0/24 for domain a"],
  ["from src 10.0.0.0/8 for any", "from src <hosts> for any"],
  ["from local for any", "from src 127.3.0.0/16 for any"],
  ["from any for domain { a, b, c }", "from any for domain { C, a }"],
  ["from any for domain *.example.org", "from any for domain { x.example.org, *.y.example.org }"],
  ["from any for domain *", "from any for domain regex x"],
  ["from any for domain x*z", "from any for domain xyz"],
  ["from any for domain localhost", "from any for domain LOCALHOST"],
  ["from any for local", "from any for domain localhost"],
  ["from any for domain regex { a, b }", "from any for domain regex b"],
  ["from any for any !tls", "from local for any !tls"],
  ["from any for any !tag X", "from any for any tag { Y, Z }"],
  ["from any !for domain a", "from any !for domain { a, b }"],
  ["from any !for domain *.a", "from any for domain { a, x.b }"],
  ["!from src 10.0.0.0/8 for any", "from src 192.0.2.0/24 for any"],
  ["auth from any for any", "auth { ann, bob } from any for any"],
  ["auth { Ann, bob } from any for any", "auth ann from any for any"],
  ["from rdns for any", "from rdns *.example for any"],
  ["!from rdns x for any", "from socket for any"],
  ["helo *.example from any for any", "helo a.example from any for any"],
  ["mail-from @a from any for any", "mail-from { u@a, u+tag@A } from any for any"],
  ["mail-from u from any for any", "mail-from u+tag@a from any for any"],
  ["rcpt-to @ from any for any", "rcpt-to x from any for any"],
  ["rcpt-to @*.a from any for any", "rcpt-to { u@b.a, @c.a } from any for any"],
];

for (const [first, second] of SHADOWED)
  test(`'${second}' is never reached after '${first}'`, () => {
    assert.deepEqual(told(`match ${first} action a`, `match ${second} action b`), [1]);
  });

const REACHED: readonly (readonly [first: string, second: string])[] = [
  ["for local", "for any"],
  ["from local for any", "from any for any"],
  ["from any for domain a", "from any for domain { a, b }"],
  ["from any for domain *.a", "from any for domain a"],
  ["from any for domain regex a", "from any for domain a"],
  ["from any for domain a", "from any for domain regex a"],
  ["from src 10.0.0.0/16 for any", "from src 10.0.0.0/8 for any"],
  ["from src { 0.0.0.0/0 } for any", "from src ::1 for any"],
  ["from any for any tls", "from any for any"],
  ["from any for any !tls", "from any for any"],
  ["from any for any tls", "from any for any !tls"],
  ["from any !for domain { a, b }", "from any !for domain a"],
  ["from any !for domain x*", "from any for domain *y"],
  ["auth u from any for any", "auth from any for any"],
  ["from socket for any", "from local for any"],
  ["mail-from u@a from any for any", "mail-from @a from any for any"],
  ["mail-from u+tag from any for any", "mail-from u from any for any"],
  ["mail-from @* from any for any", "mail-from u from any for any"],
];

for (const [first, second] of REACHED)
  test(`'${second}' can be reached after '${first}'`, () => {
    assert.deepEqual(told(`match ${first} action a`, `match ${second} action b`), []);
  });

test("a rule that excludes everybody is told of, whatever stands before", () => {
  assert.deepEqual(told("match from any !for domain * action a"), [0]);
});

test("a rule is compared with those that can be reached alone", () => {
  assert.deepEqual(
    told("match for any action a", "match for local action b", "match for local action a"),
    [1, 2],
  );
});

// Rules and messages from few words, so that they meet often.

const NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "0.0.0.0/0", "local"];
const DOMAINS = ["a", "b.a", "c.b.a", "*", "*.a", "*.b.a", "c*a", "*.B.a"];
const ADDRESSES = ["u", "u+t", "u@a", "u+t@a", "@a", "@*.a", "@*", "u@*", "@", "U@b.a", "u@c*a"];
const WORDS = ["x", "X", "y"];

function items(words: readonly string[]): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 3 })
    .map((some) => `{ ${some.map((each) => `"${each}"`).join(", ")} }`);
}

function list(words: readonly string[], regex: readonly string[]): fc.Arbitrary<string> {
  if (regex.length === 0) return items(words);
  return fc.oneof(
    { weight: 4, arbitrary: items(words) },
    { weight: 1, arbitrary: items(regex).map((each) => `regex ${each}`) },
  );
}

function maybe(word: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const criterion = fc
    .tuple(fc.constantFrom("", "", "!"), word)
    .map(([not, text]) => `${not}${text} `);
  return fc.oneof({ weight: 2, arbitrary: fc.constant("") }, { weight: 1, arbitrary: criterion });
}

const RULE = fc
  .tuple(
    maybe(list(WORDS, []).map((each) => `tag ${each}`)),
    maybe(
      fc.oneof(
        fc.constantFrom("from any", "from any", "from local", "from socket", "from rdns"),
        list(NETWORKS, []).map((each) => `from src ${each}`),
        list(DOMAINS, ["a", "b"]).map((each) => `from rdns ${each}`),
      ),
    ),
    maybe(
      fc.oneof(
        fc.constantFrom("for any", "for any", "for local"),
        list(DOMAINS, ["a", "^b"]).map((each) => `for domain ${each}`),
      ),
    ),
    maybe(list(DOMAINS, []).map((each) => `helo ${each}`)),
    maybe(
      fc.oneof(
        fc.constant("auth"),
        list([...WORDS, "u@a", "@a"], ["x"]).map((w) => `auth ${w}`),
      ),
    ),
    maybe(fc.constant("tls")),
    maybe(list(ADDRESSES, ["a", "u"]).map((each) => `mail-from ${each}`)),
    maybe(list(ADDRESSES, ["a", "u"]).map((each) => `rcpt-to ${each}`)),
  )
  .map((criteria) => `match ${criteria.join("")}action a`);

const ADDRESS = fc
  .tuple(fc.constantFrom("u", "U+t", "v"), fc.constantFrom("a", "B.a", "c.b.a", "localhost", "x"))
  .map((parts) => parts.join("@"));
const QUERY: fc.Arbitrary<RuleQuery> = fc.record({
  via: fc.constantFrom("tcp", "socket", "internal"),
  address: fc.constantFrom(
    "10.1.2.3",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.1",
    "127.0.0.1",
    "::1",
    "2001:db8::1",
  ),
  hostname: fc.constantFrom("<unknown>", "a", "b.a", "c.b.a"),
  helo: fc.constantFrom("a", "b.a", "c.b.a", "x"),
  tag: fc.constantFrom("", "x", "y"),
  username: fc.constantFrom("", "x", "y", "u@a", "v@a"),
  tls: fc.boolean(),
  reversePath: fc.oneof(fc.constant(""), ADDRESS),
  destination: ADDRESS,
});

test("no message reaches a rule that is called unreachable", () => {
  let toldOf = 0;
  fc.assert(
    fc.property(
      fc.array(RULE, { minLength: 2, maxLength: 8 }),
      fc.array(QUERY, { minLength: 30, maxLength: 30 }),
      (rules, queries) => {
        const config = configOf("action a relay", ...rules);
        const lines = new Set(unreachableRules(config).map(({ at }) => at.line));
        toldOf += lines.size;
        const ruleset = compileRuleset(config, new Tables(config.tables, { delimiter: "+" }));
        for (const query of queries) {
          const match = ruleset.matchRule(query);
          assert.ok(!(match instanceof Promise), "a promise without a remote table");
          if (match.kind !== "matched") continue;
          assert.ok(!lines.has(match.rule.at.line), `line ${match.rule.at.line}`);
        }
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(toldOf > 50, `only ${toldOf} rules were told of`);
});
