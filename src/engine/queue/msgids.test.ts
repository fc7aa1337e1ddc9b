import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "#base/ports/random.ts";
import { Msgids } from "./msgids.ts";

/** Draws these numbers in turn, again and again. */
function drawing(...numbers: readonly number[]): Random {
  let at = 0;
  return {
    fill: (target) => target,
    uint32: () => numbers[at++ % numbers.length] ?? 0,
  };
}

test("An id is granted once, and never one that is stored", () => {
  const msgids = new Msgids(drawing(1, 1, 2, 3, 0, 4), (msgid) => msgid === "00000002");
  assert.deepEqual(msgids.grant(3), ["00000001", "00000003", "00000004"]);
});

test("An id serves one commit; a released one can be granted again", () => {
  const msgids = new Msgids(drawing(1, 2), () => false);
  const [one = "", two = ""] = msgids.grant(2);
  assert.equal(msgids.use(one), true);
  assert.equal(msgids.use(one), false);
  msgids.release(one);
  assert.equal(msgids.use(one), false);
  msgids.settle(one);
  msgids.release(two);
  assert.equal(msgids.use(two), false);
  assert.deepEqual(msgids.grant(2), [one, two]);
});
