import assert from "node:assert/strict";
import { test } from "node:test";
import { keepLatest } from "./keep-latest.ts";

test("what was set first is forgotten first, and no more than is too much", () => {
  const kept = new Map(["a", "b", "c", "d", "e"].map((key, at) => [key, at]));
  kept.delete("a");
  kept.set("a", 5);
  keepLatest(kept, 3);
  assert.deepEqual([...kept.keys()], ["d", "e", "a"]);
  keepLatest(kept, 3);
  assert.equal(kept.size, 3);
  const names = new Set(["x", "y", "z"]);
  keepLatest(names, 0);
  assert.equal(names.size, 0);
});
