/** A configuration comes out of its serialised form as it went in, object for object. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parsedText } from "#test/support/config-of.ts";
import { configTextArbitrary } from "#test/support/config-text.ts";
import type { Config } from "./config.ts";
import { deserialiseConfig, serialiseConfig } from "./serialise.ts";
import type { Table } from "./table.ts";

const MACHINE = { interfaces: new Map([["lo", ["127.0.0.1", "::1"]]]), egress: ["lo"] };

function read(text: string): Config | undefined {
  return parsedText(text, { machine: MACHINE }).config;
}

/** Every object of a configuration by the way that leads to it, maps and arrays too. */
function objectsIn(value: unknown, way: string, into: Map<string, object>): Map<string, object> {
  if (typeof value !== "object" || value === null) return into;
  into.set(way, value);
  const children = value instanceof Map ? [...value] : Object.entries(value);
  for (const [key, child] of children as [unknown, unknown][])
    objectsIn(child, `${way}/${String(key)}`, into);
  return into;
}

/** For each way the first way that leads to the same object. */
function sharingOf(config: Config): ReadonlyMap<string, string> {
  const first = new Map<object, string>();
  const sharing = new Map<string, string>();
  for (const [way, object] of objectsIn(config, "", new Map())) {
    if (!first.has(object)) first.set(object, way);
    sharing.set(way, first.get(object) ?? way);
  }
  return sharing;
}

test("configuration is the same after it has travelled, and what was one object still is", () => {
  fc.assert(
    fc.property(configTextArbitrary, (text) => {
      const config = read(text);
      fc.pre(config !== undefined);
      const again = deserialiseConfig(serialiseConfig(config));
      assert.deepEqual(again, config);
      assert.deepEqual(sharingOf(again), sharingOf(config));
    }),
    { numRuns: 50 },
  );
});

test("tables, certificates, filters and actions are shared with those who use them", () => {
  const config = read(`
    table t { a.example }
    pki p cert "/c" key "/k"
    filter f proc-exec "f"
    mda wrapper w "x %{mda}"
    compat none
    listen on lo tls pki p filter f
    action a mbox wrapper w
    match for domain <t> action a
    match for domain <t> reject`);
  assert.ok(config, "it is right");
  const again = deserialiseConfig(serialiseConfig(config));
  const [rule, other] = again.rules;
  const tables = [rule, other].map((each): Table | undefined => {
    const asked = each?.criteria.find((criterion) => criterion.test.kind === "for")?.test;
    return asked?.kind === "for" && asked.to.kind === "domain" ? asked.to.match.table : undefined;
  });
  assert.ok(tables[0] !== undefined && tables[0] === tables[1], "one table became two");
  assert.equal(tables[0], again.tables.get("t"));
  assert.equal(rule?.action, again.actions.get("a"));
  const [listener] = again.listeners;
  assert.equal(listener?.filters[0], again.filters.get("f"));
  assert.ok(listener?.tls.mode !== "none", "the listener has TLS");
  assert.equal(listener?.tls.pkis[0], again.pkis.get("p"));
  const action = again.actions.get("a");
  assert.ok(action !== undefined && action.kind !== "relay", "the action is a local one");
  assert.equal(action.wrapper, again.mdaWrappers.get("w"));
});

test("configuration that has travelled cannot be changed", () => {
  const config = read("compat none\nlisten on lo\naction a relay\nmatch for any action a");
  assert.ok(config, "it is right");
  const again = deserialiseConfig(serialiseConfig(config));
  assert.throws(() => Object.assign(again, { rules: [] }), TypeError);
  assert.throws(() => Object.assign(again.actions.get("a") ?? {}, { name: "b" }), TypeError);
  assert.throws(() => (again.actions as Map<string, unknown>).delete("a"), TypeError);
});

test("bytes that no configuration gave are a bug, and throw", () => {
  for (const bytes of [new Uint8Array(), Buffer.from("{}"), serialiseConfig({} as Config)])
    assert.throws(() => deserialiseConfig(bytes), TypeError);
});
