import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_REACH, type Reach, widened } from "./reach.ts";

const NETWORK: Reach = { network: true, stapleFolder: undefined };
const STAPLES: Reach = { network: true, stapleFolder: "/var/staples" };

test("a reach grows by what is needed and never shrinks", () => {
  for (const [reach, needed, then] of [
    [NO_REACH, NETWORK, NETWORK],
    [NO_REACH, STAPLES, STAPLES],
    [NETWORK, STAPLES, STAPLES],
    [STAPLES, NETWORK, STAPLES],
    [STAPLES, NO_REACH, STAPLES],
  ] as const)
    assert.deepEqual(widened(reach, needed), then);
});

test("a reach that has all that is needed is the same one: nothing has to start anew for it", () => {
  for (const needed of [NO_REACH, NETWORK, { ...STAPLES }, { ...STAPLES, stapleFolder: "/other" }])
    assert.equal(widened(STAPLES, needed), STAPLES);
});
