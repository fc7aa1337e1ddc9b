import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { inTime } from "./in-time.ts";

test("what comes in time is the answer, and no timer is left", async () => {
  const clock = new SimClock();
  assert.equal(await inTime(Promise.resolve("soon"), { clock, ms: 10 }, () => "late"), "soon");
  await assert.rejects(
    inTime(Promise.reject(new Error("no")), { clock, ms: 10 }, () => "late"),
    /no/u,
  );
  assert.equal(clock.pendingTimers, 0);
});

test("what takes longer is not waited for", async () => {
  const clock = new SimClock();
  const never = new Promise<string>(() => undefined);
  const answer = inTime(never, { clock, ms: 10 }, () => "late");
  await clock.advance(10);
  assert.equal(await answer, "late");
});
