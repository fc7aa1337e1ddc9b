import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Table } from "#model/config/config.ts";
import { compileTable, MAX_KEY_LENGTH, type Service } from "./table-lookup.ts";

function table(entries: Readonly<Record<string, string>> | readonly string[]): Table {
  const pairs = Array.isArray(entries)
    ? entries.map((key: string) => [key, ""] as const)
    : Object.entries(entries as Readonly<Record<string, string>>);
  return {
    at: { file: "test", line: 1, column: 1 },
    name: "t",
    source: { kind: "inline" },
    shape: "mapping",
    entries: new Map(pairs),
  };
}

/** The values that `keys` give, with blanks between; "-" for absent. */
function answers(
  service: Service,
  entries: Readonly<Record<string, string>> | readonly string[],
  keys: readonly string[],
): string {
  const lookup = compileTable(table(entries), service);
  const values = keys.map((key) => {
    const answer = lookup(key);
    return answer.kind === "found" ? answer.value : "-";
  });
  return values.join(" ");
}

test("string table matches the whole key in any case", () => {
  assert.equal(
    answers("string", { "a b": "1", "*": "2" }, ["A B", "*", "a", "constructor"]),
    "1 2 - -",
  );
});

test("domain table matches a name in any case", () => {
  assert.equal(answers("domain", { "a.example": "1" }, ["A.Example", "b.a.example", ""]), "1 - -");
});

test("domain wildcard matches at any depth, but not the name itself", () => {
  assert.equal(
    answers("domain", { "*.example.org": "1" }, [
      "a.example.org",
      "a.b.c.example.org",
      "example.org",
      ".example.org",
      "xexample.org",
    ]),
    "1 1 - 1 -",
  );
});

test("domain star alone matches every name but the empty one", () => {
  assert.equal(answers("domain", { "*": "1" }, ["a", "a.b", "*", ""]), "1 1 1 -");
});

test("domain wildcard may stand anywhere, more than once", () => {
  assert.equal(
    answers("domain", { "mx*.example.*": "1" }, [
      "mx.example.org",
      "mx12.example.co.uk",
      "mx.example",
      "amx.example.org",
    ]),
    "1 1 - -",
  );
});

test("domain table prefers the name, then the longest suffix, then the order written", () => {
  const entries = {
    "*": "any",
    "*.b.c": "short",
    "*.a.b.c": "long",
    "x.a.b.c": "exact",
    "y*": "y",
  };
  assert.equal(
    answers("domain", entries, ["x.a.b.c", "z.a.b.c", "z.b.c", "yz"]),
    "exact long short any",
  );
});

test("domain pattern of many stars does not take long", () => {
  const lookup = compileTable(table([`${"*a".repeat(300)}b`]), "domain");
  assert.equal(lookup("a".repeat(MAX_KEY_LENGTH)).kind, "absent");
});

test("domain glob agrees with a regular expression", () => {
  const pattern = fc.string({
    unit: fc.constantFrom("a", "b", ".", "*"),
    minLength: 1,
    maxLength: 6,
  });
  const name = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(pattern, name, (glob, text) => {
      const source = glob.replaceAll(".", "\\.").replaceAll("*", ".*");
      const expected = new RegExp(`^${source}$`, "u").test(text);
      assert.equal(compileTable(table([glob]), "domain")(text).kind === "found", expected);
    }),
  );
});

test("network table matches the longest prefix", () => {
  const entries = { "10.0.0.0/8": "8", "10.1.0.0/16": "16", "10.1.2.3": "32", "0.0.0.0/0": "0" };
  assert.equal(
    answers("netaddr", entries, ["10.1.2.3", "10.1.2.4", "10.2.0.0", "11.0.0.1"]),
    "32 16 8 0",
  );
});

test("network table keeps the families apart", () => {
  assert.equal(answers("netaddr", { "0.0.0.0/0": "4" }, ["::1", "1.2.3.4"]), "- 4");
  assert.equal(answers("netaddr", { "::/0": "6" }, ["::1", "1.2.3.4"]), "6 -");
});

test("network table knows an address in any spelling", () => {
  assert.equal(
    answers("netaddr", { "2001:db8::/32": "6", "[::1]": "l", "192.0.2.0/24": "4" }, [
      "2001:DB8:0::5",
      "[2001:db8::5]",
      "0:0::1",
      "::ffff:192.0.2.9",
      "fe80::1%eth0",
    ]),
    "6 6 l 4 -",
  );
});

test("network table takes 'local' and other words only as they are", () => {
  assert.equal(
    answers("netaddr", { local: "1", "::/0": "6" }, ["local", "LOCAL", "", "x"]),
    "1 1 - -",
  );
});

test("key longer than a table can hold is absent", () => {
  assert.equal(answers("domain", { "*": "1" }, ["a".repeat(MAX_KEY_LENGTH + 1)]), "-");
});
