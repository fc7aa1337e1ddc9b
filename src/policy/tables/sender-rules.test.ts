import assert from "node:assert/strict";
import { test } from "node:test";
import type { Table } from "#model/config/table.ts";
import type { TableBackend } from "./answers.ts";
import { senderRules } from "./sender-rules.ts";
import { Tables } from "./tables.ts";

const AT = { file: "smtpd.conf", line: 1, column: 1 };
const SENDERS: Table = {
  at: AT,
  name: "senders",
  source: { kind: "inline" },
  shape: "mapping",
  entries: new Map([
    ["ann", "ann@example.org, @ann.example,*@x,@*.wild.example"],
    ["Root", "@"],
    ["empty", ","],
  ]),
};
const REMOTE: Table = {
  ...SENDERS,
  name: "remote",
  source: { kind: "db", path: "/x" },
  shape: "remote",
  entries: new Map(),
};

const backend: TableBackend = {
  lookupAny: async (_, keys) =>
    keys.includes("ann")
      ? { kind: "found", entry: "ann", value: "ann@example.org" }
      : { kind: "unavailable", cause: new Error("down") },
};

const rules = senderRules(
  new Tables(
    new Map([
      ["senders", SENDERS],
      ["remote", REMOTE],
    ]),
    { delimiter: "+", backendOf: () => backend },
  ),
  "+",
);

test("a user sends as what one of the patterns matches, and as nothing else", () => {
  for (const [user, sender, expected] of [
    ["ann", "ann@example.org", true],
    ["ANN", "Ann@Example.ORG", true],
    ["ann", "ann+tag@example.org", true],
    ["ann", "anybody@ann.example", true],
    ["ann", "a@deep.wild.example", true],
    ["ann", "boss@example.org", false],
    ["ann", "bann@example.org", false],
    ["ann", "ann@example.org.evil.test", false],
    ["ann", "ann@sub.ann.example", false],
    ["ann", "", false],
    ["ann", "bob@x", false],
    ["root", "", true],
    ["root", "anyone@anywhere.test", true],
    ["empty", "ann@example.org", false],
    ["nobody", "nobody@example.org", false],
    ["ann", `${"a".repeat(5000)}@ann.example`, false],
  ] as const) {
    const answer = rules.mayUse("senders", user, sender);
    assert.deepEqual(answer, { kind: "found", value: expected }, `${user} as ${sender}`);
  }
});

test("a table that is asked answers later, and one that cannot be asked is unavailable", async () => {
  assert.deepEqual(await rules.mayUse("remote", "ann", "ann@example.org"), {
    kind: "found",
    value: true,
  });
  assert.equal((await rules.mayUse("remote", "bob", "bob@example.org")).kind, "unavailable");
  assert.equal((await rules.mayUse("none", "ann", "ann@example.org")).kind, "unavailable");
});
