import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { type Outline, outlineOf } from "./outline.ts";

/** Each has the password `PASSWORD`, where `match` and `filter` may only ask for names too. */
const WITH_PASSWORDS: readonly (readonly [where: string, lines: readonly string[]])[] = [
  [
    "a table of a relay",
    ['table t { k = "u:PASSWORD" }', "action r relay host smtp+tls://k@h auth <t>"],
  ],
  ["a list of a relay", ['action r relay host smtp+tls://k@h auth { k = "u:PASSWORD" }']],
  ["a table that a rule compares", ['table t { k = "u:PASSWORD" }', "match auth <t> reject"]],
  ["a list that a rule compares", ['match auth { k = "u:PASSWORD" } reject']],
  [
    "a table that a filter compares",
    ['table t { k = "u:PASSWORD" }', "filter f phase mail-from match auth <t> bypass"],
  ],
  [
    "a list that a filter compares",
    ['filter f phase mail-from match auth { k = "u:PASSWORD" } bypass'],
  ],
  [
    "a list of a listener",
    ['pki p cert "/c" key "/k"', 'listen on 127.0.0.1 tls pki p auth { k = "u:PASSWORD" }'],
  ],
  ["the key of srs", ["srs key PASSWORD"]],
  ["the key of the queue", [`queue encryption ${"PASSWORD".repeat(4)}`]],
];

function outlineWith(lines: readonly string[], secrets: "digested" | "left-out"): Outline {
  const rest = ["listen on socket", "action a relay", "match from local for any action a"];
  return outlineOf(configOf(...lines, ...rest), secrets);
}

for (const [where, lines] of WITH_PASSWORDS) {
  test(`the password of ${where} is not in the outline, and its digest only where it may be`, () => {
    for (const secrets of ["digested", "left-out"] as const) {
      const outline = outlineWith(lines, secrets);
      assert.doesNotMatch(JSON.stringify(outline), /PASSWORD/u);
      const undigested = outline.filter(({ digest }) => digest === "");
      assert.equal(undigested.length, secrets === "digested" ? 0 : 1, JSON.stringify(undigested));
    }
  });

  test(`another password of ${where} is another digest`, () => {
    const other = lines.map((line) => line.replaceAll("PASSWORD", "PASSWORT"));
    const [before, after] = [outlineWith(lines, "digested"), outlineWith(other, "digested")];
    const changed = before.filter(({ digest }, index) => digest !== after[index]?.digest);
    assert.equal(changed.length, 1, JSON.stringify(changed));
  });
}
