import assert from "node:assert/strict";
import { test } from "node:test";
import { formatComplaint } from "#model/config/complaint.ts";
import type { Config } from "#model/config/config.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { compileRuleset, type RuleQuery } from "./ruleset.ts";

function config(rules: string): Config {
  const text = `action a relay\n${rules}`;
  const { config: built, complaints } = parseConfig(
    { file: "smtpd.conf", read: () => text },
    {
      serverName: "MX.example.org",
      interfaces: new Map([["eth0", ["192.0.2.25", "2001:db8::25"]]]),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.ok(built, complaints.map(formatComplaint).join("\n"));
  return built;
}

/** The line of the rule that matches each query; 0 for none. Rules begin on line 2. */
function lines(rules: string, queries: readonly RuleQuery[]): readonly number[] {
  const ruleset = compileRuleset(config(rules));
  return queries.map((query) => {
    const match = ruleset.matchRule(query);
    return match.kind === "matched" ? match.rule.at.line : 0;
  });
}

function tcp(address: string, domain: string): RuleQuery {
  return { via: "tcp", address, domain };
}

const OUTSIDE = tcp("203.0.113.9", "example.org");
const SOCKET: RuleQuery = { via: "socket", address: "local", domain: "example.org" };
const INTERNAL: RuleQuery = { via: "internal", address: "local", domain: "example.org" };

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
  const local = { ...SOCKET, domain: "localhost" };
  assert.deepEqual(
    lines("match action a", [local, SOCKET, { ...OUTSIDE, domain: "localhost" }]),
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
  const match = compileRuleset(bare).matchRule(tcp("127.0.0.1", "mx.example.org"));
  assert.equal(match.kind, "matched");
});
