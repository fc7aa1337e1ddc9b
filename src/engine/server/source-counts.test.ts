import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceCounts } from "./source-counts.ts";

test("source counts go up to their limit and down again", () => {
  const counts = new SourceCounts();
  const first = [counts.enter("192.0.2.1", 1), counts.enter("192.0.2.1", 1)];
  counts.leave("192.0.2.1");
  assert.deepEqual([...first, counts.enter("192.0.2.1", 1)], [true, false, true]);
});
