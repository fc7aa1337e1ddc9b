import assert from "node:assert/strict";
import { test } from "node:test";
import { found } from "#base/lookup.ts";
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";
import type { Reason } from "#model/reason.ts";
import { configOfText } from "#test/support/config-of.ts";
import type { TableAnswer, TableBackend } from "#policy/tables/answers.ts";
import { Tables } from "#policy/tables/tables.ts";
import type { RuleMatch } from "#policy/expand/expansion-walk.ts";
import { compileRuleset } from "./ruleset.ts";
import type { RuleQuery } from "./ruleset-criteria.ts";

const MACHINE = {
  serverName: "MX.example.org",
  interfaces: new Map([["eth0", ["192.0.2.25", "2001:db8::25"]]]),
};

function config(rules: string): Config {
  return configOfText(`action a relay\n${rules}`, { machine: MACHINE });
}

function tablesOf(of: Config, backend?: TableBackend): Tables {
  return new Tables(of.tables, {
    delimiter: of.subAddressDelimiter,
    backendOf: () => backend,
  });
}

/** The line of the rule that matches; 0 for none, -1 if a table was unavailable. */
function lineOf(match: RuleMatch): number {
  if (match.kind === "unavailable") return -1;
  return match.kind === "matched" ? match.rule.at.line : 0;
}

/** The line of the rule that matches each query; 0 for none. Rules begin on line 2. */
function lines(rules: string, queries: readonly RuleQuery[]): readonly number[] {
  const built = config(rules);
  const ruleset = compileRuleset(built, tablesOf(built));
  return queries.map((query) => {
    const match = ruleset.matchRule(query);
    assert.ok(!(match instanceof Promise), "a promise without a remote table");
    return lineOf(match);
  });
}

const OUTSIDE: RuleQuery = {
  via: "tcp",
  address: "203.0.113.9",
  hostname: "<unknown>",
  helo: "client.example",
  tag: "",
  username: "",
  tls: false,
  reversePath: "ann@a.example",
  destination: "bob@example.org",
};
const SOCKET: RuleQuery = { ...OUTSIDE, via: "socket", address: "local", hostname: "mx" };
const INTERNAL: RuleQuery = { ...SOCKET, via: "internal" };

function tcp(address: string, domain: string): RuleQuery {
  return { ...OUTSIDE, address, destination: `bob@${domain}` };
}

test("first rule whose criteria all hold decides", () => {
  const rules = `match from any for domain a.example reject
match from any for any action a
match from any for domain example.org reject`;
  assert.deepEqual(lines(rules, [OUTSIDE, tcp("203.0.113.9", "A.example")]), [3, 2]);
});

test("no rule matches what none speaks of", () => {
  assert.deepEqual(lines("match from any for domain x reject", [OUTSIDE]), [0]);
});

test("rule without criteria is about mail of this machine to this machine", () => {
  const local = { ...SOCKET, destination: "bob@localhost" };
  assert.deepEqual(
    lines("match action a", [local, SOCKET, tcp("203.0.113.9", "localhost")]),
    [2, 0, 0],
  );
});

test("from local is loopback, the addresses of this machine, sockets and internal mail", () => {
  const addresses = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "192.0.2.25",
    "2001:db8::25",
    "::ffff:127.0.0.1",
  ];
  const queries = [...addresses, "192.0.2.26", "local"].map((address) => tcp(address, "x"));
  assert.deepEqual(
    lines("match from local for any action a", [...queries, SOCKET, INTERNAL]),
    [2, 2, 2, 2, 2, 2, 0, 2, 2, 2],
  );
});

test("from socket is true for sockets alone, and its negation for internal mail too", () => {
  const queries = [SOCKET, INTERNAL, OUTSIDE];
  assert.deepEqual(lines("match from socket for any action a", queries), [2, 0, 0]);
  assert.deepEqual(lines("match !from socket for any action a", queries), [0, 2, 2]);
});

test("from src asks the table, with 'local' as the key of sockets and internal mail", () => {
  const queries = [OUTSIDE, tcp("10.1.1.1", "x"), SOCKET, INTERNAL];
  assert.deepEqual(lines("match from src 10.0.0.0/8 for any action a", queries), [0, 2, 0, 0]);
  const withLocal = 'match from src { 10.0.0.0/8, "local" } for any action a';
  assert.deepEqual(lines(withLocal, queries), [0, 2, 2, 2]);
  assert.deepEqual(lines("match !from src 10.0.0.0/8 for any action a", queries), [2, 0, 2, 2]);
  assert.deepEqual(lines("match from src <anyhost> for any action a", queries), [2, 2, 2, 2]);
});

test("for local is localhost, the server name and the addresses of this machine", () => {
  const domains = [
    "LOCALHOST",
    "mx.example.org",
    "192.0.2.25",
    "[192.0.2.25]",
    "[IPv6:2001:db8::25]",
  ];
  const queries = [...domains, "example.org", "a.localhost", ""].map((domain) =>
    tcp("::1", domain),
  );
  assert.deepEqual(lines("match from any for local action a", queries), [2, 2, 2, 2, 2, 0, 0, 0]);
});

test("for domain asks the table, and may be negated", () => {
  const queries = ["a.example.org", "example.org", ""].map((domain) => tcp("::1", domain));
  assert.deepEqual(lines('match from any for domain "*.example.org" reject', queries), [2, 0, 0]);
  assert.deepEqual(lines('match from any !for domain "*.example.org" reject', queries), [0, 2, 2]);
  assert.deepEqual(lines("match from any for domain <anydestination> reject", queries), [2, 2, 0]);
});

test("ruleset needs no built-in tables to know loopback and its own name", () => {
  const bare = { ...config("match action a"), tables: new Map() };
  const ruleset = compileRuleset(bare, tablesOf(bare));
  assert.deepEqual(ruleset.matchRule(tcp("127.0.0.1", "mx.example.org")), {
    kind: "matched",
    rule: bare.rules[0],
  });
});

interface CriterionCase {
  /** As in smtpd.conf; the rule is also from and for any, where this does not say. */
  readonly criterion: string;
  /** Changes to OUTSIDE for which it holds, and for which it does not. */
  readonly yes: readonly Partial<RuleQuery>[];
  readonly no: readonly Partial<RuleQuery>[];
}

const CRITERIA: readonly CriterionCase[] = [
  { criterion: "tag Word", yes: [{ tag: "word" }, { tag: "WORD" }], no: [{}, { tag: "words" }] },
  { criterion: 'tag regex "^w"', yes: [{ tag: "Word" }], no: [{}, { tag: "a-w" }] },
  { criterion: "from any", yes: [{}, SOCKET, INTERNAL], no: [] },
  { criterion: 'from src regex "^203\\."', yes: [{}], no: [{ address: "192.0.2.1" }, SOCKET] },
  { criterion: 'from src regex "local"', yes: [SOCKET, INTERNAL], no: [{}] },
  {
    criterion: "from rdns",
    yes: [{ hostname: "a.example" }],
    no: [{}, SOCKET, { ...INTERNAL, hostname: "a.example" }],
  },
  {
    criterion: 'from rdns { "mx.example", "*.dial.example" }',
    yes: [{ hostname: "MX.example" }, { hostname: "a.b.dial.example" }],
    no: [{}, { hostname: "dial.example" }, { ...INTERNAL, hostname: "mx.example" }],
  },
  {
    criterion: 'from rdns "*"',
    yes: [{ hostname: "a.example" }],
    no: [{}, SOCKET],
  },
  {
    criterion: 'from rdns regex "[0-9]{4}"',
    yes: [{ hostname: "ip1234.example" }],
    no: [{}, { hostname: "ip123.example" }],
  },
  {
    criterion: 'for domain regex "^example\\.(org|net)$"',
    yes: [{}, { destination: "x@EXAMPLE.net" }],
    no: [{ destination: "x@example.com" }, { destination: "x@a.example.org" }],
  },
  {
    criterion: 'helo { "client.example", "*.b.example" }',
    yes: [{}, { helo: "X.b.EXAMPLE" }],
    no: [{ helo: "" }, { helo: "b.example" }],
  },
  { criterion: 'helo regex "^$"', yes: [{ helo: "" }], no: [{}] },
  { criterion: "auth", yes: [{ username: "ann" }], no: [{}, SOCKET] },
  {
    criterion: 'auth { "ann", "@b.example", "carl@c.example" }',
    yes: [{ username: "Ann" }, { username: "x@b.example" }, { username: "carl+t@c.example" }],
    no: [{}, { username: "annie" }, { username: "x@c.example" }, { username: "b.example" }],
  },
  { criterion: 'auth regex "^a"', yes: [{ username: "Ann" }], no: [{}, { username: "bann" }] },
  { criterion: 'auth regex ".*"', yes: [{ username: "x" }], no: [{}] },
  { criterion: "tls", yes: [{ tls: true }], no: [{}, SOCKET] },
  {
    criterion:
      'tls fingerprint { "SHA256:Dx4tPEtaaXiHlqW0w9Lh8A8eLTxLWml4h5altMPS4fA=", "abababababababababababababababababababababababababababababababab" }',
    yes: [
      {
        tls: true,
        fingerprints: [
          "SHA256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
          "SHA256:0000000000000000000000000000000000000000000000000000000000000000",
        ],
      },
      {
        tls: true,
        fingerprints: [
          "SHA256:0000000000000000000000000000000000000000000000000000000000000000",
          "SHA256:abababababababababababababababababababababababababababababababab",
        ],
      },
    ],
    no: [
      {},
      { tls: true },
      {
        tls: true,
        fingerprints: ["SHA256:0000000000000000000000000000000000000000000000000000000000000000"],
      },
    ],
  },
  {
    criterion: 'mail-from { "@a.example", "carl" }',
    yes: [{}, { reversePath: "Carl+x@z.example" }],
    no: [{ reversePath: "" }, { reversePath: "x@b.a.example" }],
  },
  { criterion: 'mail-from "@"', yes: [{}, { reversePath: "" }], no: [] },
  { criterion: 'mail-from regex "^@$"', yes: [{ reversePath: "" }], no: [{}] },
  {
    criterion: 'rcpt-to { "bob@example.org", "@*.example.net" }',
    yes: [{}, { destination: "Bob+x@Example.org" }, { destination: "x@a.example.net" }],
    no: [{ destination: "bobby@example.org" }, { destination: "x@example.net" }],
  },
  {
    criterion: 'rcpt-to regex "^bob@"',
    yes: [{}, { destination: "BOB@x" }],
    no: [{ destination: "x+bob@x.example" }],
  },
];

/** `criterion` with a `!` or without, in a rule that is about any mail otherwise. */
function ruleOf(criterion: string, bang: "" | "!"): string {
  const from = criterion.startsWith("from ") ? "" : "from any ";
  const to = criterion.startsWith("for ") ? "" : "for any ";
  return `match ${from}${to}${bang}${criterion} action a`;
}

for (const { criterion, yes, no } of CRITERIA)
  test(`match ${criterion} holds for what it names, and !${criterion} for the rest`, () => {
    const queries = [...yes, ...no].map((change) => ({ ...OUTSIDE, ...change }));
    const expected = [...yes.map(() => 2), ...no.map(() => 0)];
    assert.deepEqual(lines(ruleOf(criterion, ""), queries), expected);
    const negated = expected.map((line) => 2 - line);
    assert.deepEqual(lines(ruleOf(criterion, "!"), queries), negated);
  });

test("from auth and from mail-from are from any, and negate what they name", () => {
  const queries = [{ ...OUTSIDE, username: "ann" }, OUTSIDE, SOCKET];
  assert.deepEqual(lines("match from auth for any action a", queries), [2, 0, 0]);
  assert.deepEqual(lines("match !from auth for any action a", queries), [0, 2, 2]);
  const senders = [OUTSIDE, { ...OUTSIDE, reversePath: "x@b.example" }];
  assert.deepEqual(lines('match from mail-from "@a.example" for any reject', senders), [2, 0]);
  assert.deepEqual(lines('match !from mail-from "@a.example" for any reject', senders), [0, 2]);
});

test("for rcpt-to is for any, and negates what it names", () => {
  const queries = [OUTSIDE, { ...OUTSIDE, destination: "carl@x.example" }];
  assert.deepEqual(lines('match from any for rcpt-to "bob" action a', queries), [2, 0]);
  assert.deepEqual(lines('match from any !for rcpt-to "bob" action a', queries), [0, 2]);
});

test("all criteria of a rule must hold", () => {
  const rule =
    'match tag t from src 203.0.113.0/24 for domain "example.org" helo "client.example" ' +
    'auth "ann" tls mail-from "@a.example" rcpt-to "bob" action a';
  const whole = { ...OUTSIDE, tag: "t", username: "ann", tls: true };
  const broken: readonly Partial<RuleQuery>[] = [
    { tag: "" },
    { address: "192.0.2.1" },
    { destination: "bob@example.net" },
    { helo: "x" },
    { username: "" },
    { tls: false },
    { reversePath: "" },
    { destination: "carl@example.org" },
  ];
  const queries = [whole, ...broken.map((change) => ({ ...whole, ...change }))];
  assert.deepEqual(lines(rule, queries), [2, ...broken.map(() => 0)]);
});

for (const [rules, expected] of [
  ["match from any for any action a\nmatch !from rdns for any reject", true],
  ['match from rdns "*.example" for any reject', true],
  ["match from any for any reject", false],
] as const)
  test(`ruleset ${expected ? "needs" : "does not need"} reverse names for: ${rules}`, () => {
    const built = config(rules);
    assert.equal(compileRuleset(built, tablesOf(built)).asksReverseName, expected);
  });

test("table that is replaced decides at once", () => {
  const built = config('table t { "a.example" }\nmatch from any for domain <t> action a');
  const tables = tablesOf(built);
  const ruleset = compileRuleset(built, tables);
  const old = built.tables.get("t");
  assert.ok(old, "the configuration has the table");
  tables.replace({ ...old, entries: new Map([["example.org", ""]]) });
  assert.deepEqual(ruleset.matchRule(OUTSIDE), { kind: "matched", rule: built.rules[0] });
});

/** The steps that are told, in short. */
function steps(reasons: readonly Reason[]): readonly string[] {
  return reasons.map((reason) => {
    if (reason.kind === "rule-matched")
      return `${reason.rule.line} matched: ${reason.action ?? "reject"}`;
    if (reason.kind === "rule-skipped")
      return `${reason.rule.line} skipped: ${reason.criterion.text}`;
    if (reason.kind === "rule-unavailable")
      return `${reason.rule.line} unavailable: ${reason.criterion.text}: ${reason.why}`;
    if (reason.kind !== "table-lookup") return reason.kind;
    const { table, service, key, answer } = reason;
    const entry = answer.kind === "found" ? (answer.entry ?? "the key") : answer.kind;
    return `<${table}> ${service} ${key}: ${entry}`;
  });
}

test("each rule that is tried is told, with the first criterion that fails and the look-ups", () => {
  const built = config(`table trusted { 192.0.2.0/24 }
match tag submission from any for any action a
match from src <trusted> for domain regex { "a", "b" } action a
match !tls from any for domain { "a.example", b, c, d, e, f } reject
match from any for domain "*.ORG" rcpt-to { bob } reject
match from any for any action a`);
  const ruleset = compileRuleset(built, tablesOf(built));
  const told: Reason[] = [];
  const match = ruleset.matchRule(OUTSIDE, (step) => told.push(step));
  assert.deepEqual(match, ruleset.matchRule(OUTSIDE));
  assert.deepEqual(steps(told), [
    "<<dynamic:1>> string : absent",
    '3 skipped: tag "submission"',
    "<trusted> netaddr 203.0.113.9: absent",
    "4 skipped: from src <trusted>",
    "<<dynamic:3>> domain example.org: absent",
    '5 skipped: for domain { "a.example", "b", "c", "d", "e", … }',
    "<<dynamic:4>> domain example.org: *.ORG",
    "<<dynamic:5>> mailaddr bob@example.org: bob",
    "6 matched: reject",
  ]);
});

test("that no rule matches is told, and rules that do not say are from and for local", () => {
  const built = config("match action a\nmatch !from socket reject");
  const told: Reason[] = [];
  const ruleset = compileRuleset(built, tablesOf(built));
  assert.deepEqual(
    ruleset.matchRule(OUTSIDE, (step) => told.push(step)),
    { kind: "none" },
  );
  assert.deepEqual(steps(told), [
    "<localhost> netaddr 203.0.113.9: absent",
    "2 skipped: from local",
    "<localnames> domain example.org: absent",
    "3 skipped: for local",
    "no-rule",
  ]);
});

function remote(table: Table): Table {
  return {
    ...table,
    source: { kind: "db", path: "/t.db" },
    shape: "remote",
    entries: new Map(),
  };
}

/** Rules whose tables are all remote; the backend knows `rows`. */
function remoteRuleset(rules: string, rows: Readonly<Record<string, string>>) {
  const built = config(rules);
  const tables = new Map(
    [...built.tables].map(([name, table]) => [
      name,
      table.source.kind === "builtin" ? table : remote(table),
    ]),
  );
  const backend: TableBackend = {
    lookupAny(_service, keys): Promise<TableAnswer> {
      const entry = keys.find((key) => key in rows);
      if (entry === undefined) return Promise.resolve({ kind: "absent" });
      if (rows[entry] === "fail") return Promise.reject(new Error("table is down"));
      return Promise.resolve({ ...found(rows[entry] ?? ""), entry });
    },
  };
  const changed = { ...built, tables };
  return compileRuleset(changed, tablesOf(changed, backend));
}

const REMOTE_RULES = `match from any for domain x reject
match tag t !from src "local" for domain x rcpt-to x action a
match !tls from any for domain x rcpt-to x action a
match from any for any reject`;

interface RemoteCase {
  readonly rows: Readonly<Record<string, string>>;
  readonly change?: Partial<RuleQuery>;
  readonly line: number;
  readonly lookups: number;
}

const REMOTE_CASES: Readonly<Record<string, RemoteCase>> = {
  "nothing is found": { rows: {}, line: 5, lookups: 3 },
  "the first rule matches": { rows: { "example.org": "" }, line: 2, lookups: 1 },
  "a negated criterion fails": {
    rows: { t: "", "203.0.113.0/24": "" },
    change: { tag: "t" },
    line: 5,
    lookups: 4,
  },
};

for (const [name, { rows, change, line, lookups }] of Object.entries(REMOTE_CASES))
  test(`remote tables are asked only as far as the rules need: ${name}`, async () => {
    const told: Reason[] = [];
    const ruleset = remoteRuleset(REMOTE_RULES, rows);
    const match = await ruleset.matchRule({ ...OUTSIDE, ...change }, (step) => told.push(step));
    assert.equal(lineOf(match), line);
    assert.equal(told.filter(({ kind }) => kind === "table-lookup").length, lookups);
  });

test("remote table that cannot be asked ends the search", async () => {
  const told: Reason[] = [];
  const ruleset = remoteRuleset(REMOTE_RULES, { "*.org": "fail" });
  const match = await ruleset.matchRule(OUTSIDE, (step) => told.push(step));
  assert.equal(match.kind === "unavailable" && match.cause.message, "table is down");
  assert.deepEqual(steps(told), [
    "<<dynamic:1>> domain example.org: unavailable",
    '2 unavailable: for domain "x": table is down',
  ]);
});

test("criteria that are negated are unavailable too", async () => {
  const ruleset = remoteRuleset("match from any !for domain x action a", { "*": "fail" });
  assert.equal(lineOf(await ruleset.matchRule(OUTSIDE)), -1);
});

test("a thousand rules with remote tables are no recursion too deep", async () => {
  const rules = Array.from({ length: 3000 }, () => "match from any for domain x reject");
  const ruleset = remoteRuleset(rules.join("\n"), {});
  assert.equal(lineOf(await ruleset.matchRule(OUTSIDE)), 0);
});
