import assert from "node:assert/strict";
import { test } from "node:test";
import { found } from "#base/lookup.ts";
import type { Table } from "#model/config/table.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableAnswer, TableBackend } from "./answers.ts";
import { MAX_REMOTE_KEYS } from "./key-forms.ts";
import { Tables } from "./tables.ts";

function table(name: string, shape: Table["shape"], keys: readonly string[]): Table {
  return {
    at: { file: "test", line: 1, column: 1 },
    name,
    source: shape === "remote" ? { kind: "db", path: "/t.db" } : { kind: "inline" },
    shape,
    entries: new Map(keys.map((key) => [key, ""])),
  };
}

/** A database in memory that notes what it is asked. */
class FakeBackend implements TableBackend {
  readonly rows: Map<string, string>;
  readonly asked: (readonly [service: TableService, keys: readonly string[]])[] = [];

  constructor(rows: Readonly<Record<string, string>>) {
    this.rows = new Map(Object.entries(rows));
  }

  lookupAny(service: TableService, keys: readonly string[]): Promise<TableAnswer> {
    this.asked.push([service, keys]);
    const entry = keys.find((key) => this.rows.has(key));
    if (entry === undefined) return Promise.resolve({ kind: "absent" });
    return Promise.resolve({ ...found(this.rows.get(entry) ?? ""), entry });
  }
}

function remote(backend: TableBackend | undefined, service: TableService) {
  const db = table("db", "remote", []);
  const tables = new Tables(new Map([["db", db]]), { delimiter: "+", backendOf: () => backend });
  return tables.lookup(db, service);
}

test("table that is replaced answers anew to those who already have its look-up", () => {
  const old = table("t", "list", ["a.example"]);
  const tables = new Tables(new Map([["t", old]]), { delimiter: "+" });
  const lookup = tables.lookup(old, "domain");
  const kinds = () => ["a.example", "b.example"].map((key) => (lookup(key) as TableAnswer).kind);
  assert.deepEqual(kinds(), ["found", "absent"]);
  const replacement = table("t", "list", ["*.example", "b.example"]);
  assert.ok(tables.replace(replacement), "there is a table of that name");
  assert.deepEqual(kinds(), ["found", "found"]);
  assert.equal(tables.get("t"), replacement);
  assert.equal(tables.lookup(old, "domain"), lookup);
});

test("table that is not there cannot be replaced", () => {
  const tables = new Tables(new Map(), { delimiter: "+" });
  assert.ok(!tables.replace(table("t", "list", [])));
  assert.equal(tables.get("t"), undefined);
});

test("remote table is asked for all forms of a name in one question", async () => {
  const backend = new FakeBackend({ "*.example.org": "v" });
  const answer = await remote(backend, "domain")("A.b.Example.org");
  assert.deepEqual(answer, { kind: "found", value: "v", entry: "*.example.org" });
  assert.deepEqual(backend.asked, [
    ["domain", ["a.b.example.org", "*.b.example.org", "*.example.org", "*.org", "*"]],
  ]);
});

test("remote table is asked for all forms of a mail address", async () => {
  const backend = new FakeBackend({ ann: "", "@": "" });
  const lookup = remote(backend, "mailaddr");
  assert.deepEqual(await lookup("Ann+t@a.example"), { kind: "found", value: "", entry: "ann" });
  assert.deepEqual(await lookup("@"), { kind: "found", value: "", entry: "@" });
  assert.deepEqual(backend.asked, [
    [
      "mailaddr",
      [
        "ann+t@a.example",
        "ann@a.example",
        "ann+t@*.example",
        "ann+t@*",
        "ann@*.example",
        "ann@*",
        "ann+t",
        "ann",
        "@a.example",
        "@*.example",
        "@*",
        "@",
      ],
    ],
    ["mailaddr", ["@"]],
  ]);
});

test("remote table is asked for an address and its networks", async () => {
  const backend = new FakeBackend({ "10.0.0.0/8": "four", "2001:db8::/32": "six", local: "l" });
  const lookup = remote(backend, "netaddr");
  const keys = ["10.1.2.3", "2001:DB8::5:0:0:1", "LOCAL", "192.0.2.1"];
  const answers = await Promise.all(keys.map(async (key) => await lookup(key)));
  assert.deepEqual(
    answers.map((answer) => (answer.kind === "found" ? answer.entry : answer.kind)),
    ["10.0.0.0/8", "2001:db8::/32", "local", "absent"],
  );
  assert.deepEqual(backend.asked[0]?.[1].slice(0, 3), ["10.1.2.3", "10.1.2.3/32", "10.1.2.2/31"]);
  assert.deepEqual(backend.asked[1]?.[1].slice(0, 2), [
    "2001:db8::5:0:0:1",
    "2001:db8::5:0:0:1/128",
  ]);
  assert.deepEqual(
    backend.asked.map(([, asked]) => asked.length),
    [34, 130, 1, 34],
  );
});

test("remote table is asked for other keys as they are, in lower case", async () => {
  const backend = new FakeBackend({ ann: "x,y" });
  assert.deepEqual(await remote(backend, "alias")("Ann"), {
    kind: "found",
    value: "x,y",
    entry: "ann",
  });
});

test("name of more labels than there are is in no remote table, and no question is long", async () => {
  const backend = new FakeBackend({});
  await remote(backend, "mailaddr")(`a+b@${"a.".repeat(126)}a`);
  await remote(backend, "mailaddr")(`a+b@${"a.".repeat(400)}a`);
  await remote(backend, "domain")("a.".repeat(400));
  assert.deepEqual(
    backend.asked.map(([, keys]) => keys.length),
    [387, 6, 1],
  );
  assert.ok(387 <= MAX_REMOTE_KEYS, String(MAX_REMOTE_KEYS));
});

test("remote table that fails, or cannot be asked, is unavailable", async () => {
  const failing: TableBackend = { lookupAny: () => Promise.reject(new Error("gone")) };
  const cases = [
    [await remote(failing, "string")("a"), "gone"],
    [await remote(undefined, "string")("a"), "Cannot ask table db: it has no backend"],
    [await remote(new FakeBackend({}), "regex")("a"), "Cannot ask table db for patterns"],
  ] as const;
  for (const [answer, message] of cases)
    assert.equal(answer.kind === "unavailable" && answer.cause.message, message);
});
