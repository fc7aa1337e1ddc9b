import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { TOLD_AGAIN_MS } from "./limits.ts";
import { SeldomTold } from "./seldom-told.ts";

test("a flood is told of once at first, and then once a second with its number", async () => {
  const clock = new SimClock();
  const seldom = new SeldomTold<string>(clock);
  const told: string[] = [];
  const add = (kind: string, what: string): void =>
    seldom.add(kind, what, (last, count) => told.push(`${kind} ${last} ${count}`));
  for (const what of ["a", "b", "c"]) add("one", what);
  add("other", "d");
  assert.deepEqual(told.splice(0), ["one a 1", "other d 1"]);
  await clock.advance(TOLD_AGAIN_MS);
  assert.deepEqual(told.splice(0), ["one c 2"]);
  await clock.advance(TOLD_AGAIN_MS);
  add("one", "e");
  assert.deepEqual(told, ["one e 1"], "it was quiet for a second");
});
