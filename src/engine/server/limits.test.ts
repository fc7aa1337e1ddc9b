import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS, limitsFor } from "./limits.ts";

test("sessions leave descriptors to the rest of their process, however few there are", () => {
  const cases: readonly (readonly [number, number])[] = [
    [64, 16],
    [1024, 256],
    [4096, 2896],
    [20_000, DEFAULT_LIMITS.maxSessions],
    [Number.MAX_SAFE_INTEGER, DEFAULT_LIMITS.maxSessions],
  ];
  for (const [openFiles, sessions] of cases)
    assert.equal(limitsFor(openFiles).maxSessions, sessions, `${openFiles}`);
});
