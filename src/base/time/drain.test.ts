import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { Drain } from "./drain.ts";

/** Work that ends when told, and whether the wait for it is over. */
function waiting(workAtFirst: number) {
  let work = workAtFirst;
  const clock = new SimClock();
  const drain = new Drain(() => work === 0);
  const over = { now: false };
  return {
    clock,
    drain,
    over,
    setWork(left: number) {
      work = left;
      drain.check();
    },
    async wait(maxMs: number) {
      await drain.wait(clock, maxMs);
      over.now = true;
    },
  };
}

test("drain waits for the last work, also when there was none for a while before", async () => {
  const bench = waiting(0);
  bench.setWork(0);
  bench.setWork(2);
  void bench.wait(1000);
  bench.setWork(1);
  await bench.clock.settle();
  assert.equal(bench.over.now, false);
  bench.setWork(0);
  await bench.clock.settle();
  assert.equal(bench.over.now, true);
});

test("drain waits no longer than it may", async () => {
  const bench = waiting(1);
  void bench.wait(1000);
  await bench.clock.advance(999);
  assert.equal(bench.over.now, false);
  await bench.clock.advance(1);
  assert.equal(bench.over.now, true);
});

test("drain is over at once when there is no work", async () => {
  const bench = waiting(0);
  void bench.wait(1000);
  await bench.clock.settle();
  assert.equal(bench.over.now, true);
});
