import assert from "node:assert/strict";
import { test } from "node:test";
import { testsOf } from "./test-files.ts";

const SUITE = ["src/base/heap.test.ts", "src/base/lookup.test.ts", "tools/man.test.ts"];
const OUTSIDE = "test/interop/dane.test.ts";

const PATTERNS: readonly (readonly [pattern: string, files: readonly string[]])[] = [
  ["src/base", SUITE.slice(0, 2)],
  ["src/base/", SUITE.slice(0, 2)],
  ["./src", SUITE.slice(0, 2)],
  ["src/ba", SUITE.slice(0, 2)],
  ["src/base/heap", SUITE.slice(0, 1)],
  [".", SUITE],
  ["./tools/man.test.ts", SUITE.slice(2)],
  [`${process.cwd()}/tools/man.test.ts`, SUITE.slice(2)],
  ["src/base/heap.ts", []],
  ["test", []],
  [OUTSIDE, [OUTSIDE]],
  ["test/interop/dan*.test.ts", [OUTSIDE]],
];

for (const [pattern, files] of PATTERNS) {
  test(`the pattern of run-tests ${pattern.replace(process.cwd(), "/here")} means ${files.join(" ") || "nothing"}`, () => {
    assert.deepEqual(testsOf(pattern, SUITE), files);
  });
}
