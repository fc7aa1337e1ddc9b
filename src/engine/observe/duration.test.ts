import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "./duration.ts";

const CASES: readonly (readonly [durationMs: number, text: string])[] = [
  [0, "0s"],
  [999, "0s"],
  [-5_000, "0s"],
  [61_000, "1m1s"],
  [3_600_000, "1h"],
  [93_784_999, "1d2h3m4s"],
];

for (const [durationMs, text] of CASES) {
  test(`${durationMs} ms is ${text}`, () => assert.equal(formatDuration(durationMs), text));
}
