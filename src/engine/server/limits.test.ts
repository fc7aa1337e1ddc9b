import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS, limitsFor } from "./limits.ts";

const { maxSessions, maxTurnedAway } = DEFAULT_LIMITS;

test("clients leave descriptors to the rest of their process, however few there are", () => {
  const cases: readonly (readonly [number, number, number])[] = [
    [64, 16, 8],
    [1024, 256, 128],
    [4096, 2896, maxTurnedAway],
    [20_000, maxSessions, maxTurnedAway],
    [Number.MAX_SAFE_INTEGER, maxSessions, maxTurnedAway],
  ];
  for (const [openFiles, sessions, turnedAway] of cases) {
    const limits = limitsFor(openFiles);
    assert.deepEqual(
      [limits.maxSessions, limits.maxTurnedAway],
      [sessions, turnedAway],
      `${openFiles}`,
    );
  }
});
