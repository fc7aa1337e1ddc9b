import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { RetryTimes } from "./retry-times.ts";

const BOUNDS = { firstMs: 100, maxMs: 350, max: 3 };

test("what has failed is due again after a while that doubles up to its limit", async () => {
  const clock = new SimClock();
  const times = new RetryTimes<string>(clock, BOUNDS);
  assert.ok(times.isDue("a"));
  for (const waitMs of [100, 200, 350, 350]) {
    times.failed("a");
    assert.equal(times.nextInMs, waitMs);
    await clock.advance(waitMs - 1);
    assert.ok(!times.isDue("a"));
    await clock.advance(1);
    assert.ok(times.isDue("a"));
    assert.equal(times.nextInMs, Number.POSITIVE_INFINITY);
  }
  times.forget("a");
  times.failed("a");
  assert.equal(times.nextInMs, 100);
});

test("beyond its bound the oldest is forgotten", () => {
  const times = new RetryTimes<number>(new SimClock(), BOUNDS);
  for (let n = 0; n < 4; n++) times.failed(n);
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => times.isDue(n)),
    [true, false, false, false],
  );
});
