/** Every id of the list of hostile inputs has one answer, and the files that it names exist. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url);
const ANSWERS: readonly string[] = ["tested", "later", "open"];

const coverage = parse(readFileSync(new URL("coverage.yaml", import.meta.url), "utf8")) as Record<
  string,
  Record<string, string>
>;

test("each hostile input is tested, waits for a feature, or is named as open", () => {
  const ids = Object.keys(coverage);
  assert.equal(ids.length, 251, "ids in the list");
  for (const [id, answer] of Object.entries(coverage)) {
    const words = Object.keys(answer);
    assert.equal(words.length, 1, `${id} has one answer`);
    assert.ok(ANSWERS.includes(words[0] ?? ""), `${id} has an answer that is known`);
  }
});

test("the tests that the list of hostile inputs names exist, and those written for it name the id", () => {
  for (const [id, { tested }] of Object.entries(coverage)) {
    if (tested === undefined) continue;
    const file = new URL(tested, ROOT);
    assert.ok(existsSync(file), `${id}: ${tested}`);
    const isOurs = /^test\/(?:hostile|interop\/bad-input)/.test(tested) || id.startsWith("LOC-");
    if (isOurs) assert.ok(readFileSync(file, "utf8").includes(id), `${id} is not in ${tested}`);
  }
});
