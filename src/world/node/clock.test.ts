import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeClock } from "./clock.ts";

test("a timer runs when its time has passed, and not before", async () => {
  const clock = nodeClock();
  const startMs = clock.monotonicMs();
  await new Promise<void>((resolve) => {
    clock.after(5, resolve);
  });
  // Node counts whole milliseconds, so that up to one of them may be missing.
  assert.ok(clock.monotonicMs() - startMs >= 4, "5 ms passed");
});

test("a cancelled timer does not run, and cancelling again is harmless", async () => {
  const clock = nodeClock();
  const cancel = clock.after(0, () => assert.fail("was cancelled"));
  cancel();
  cancel();
  await new Promise<void>((resolve) => {
    clock.after(1, resolve);
  });
});

test("a delay of months waits instead of running at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const longest = 0x7fff_ffff; // of one timer of Node, 24.8 days
  const months = 2 * longest + 1_000;
  let runs = 0;
  const clock = nodeClock();
  clock.after(months, () => runs++);
  const cancelled = clock.after(months, () => assert.fail("was cancelled"));
  for (const ms of [longest, longest, 999]) t.mock.timers.tick(ms);
  assert.equal(runs, 0);
  cancelled();
  t.mock.timers.tick(1);
  assert.equal(runs, 1);
});

test("the wall clock tells the date", () => {
  assert.ok(nodeClock().wallMs() > Date.parse("2026-01-01T00:00:00Z"), "after this was written");
});

test("the time that the machine slept is counted, and what the uptime is inexact by is not", () => {
  let awakeMs = 50;
  let uptimeMs = 7000;
  const clock = nodeClock({ awakeMs: () => awakeMs, uptimeMs: () => uptimeMs });
  const pass = (ms: number, more: number): number => {
    awakeMs += ms;
    uptimeMs += ms + more;
    return clock.monotonicMs();
  };
  assert.equal(pass(1000, 20), 1050);
  assert.equal(pass(1000, -30), 2050);
  assert.equal(pass(1000, 3_600_000), 3_603_040);
  assert.equal(pass(1000, -10), 3_604_040);
  // Within a second of the last look.
  assert.equal(pass(500, 60_000), 3_604_540);
  assert.equal(pass(500, 0), 3_665_030);
});

test("a machine that does not say its uptime has never slept", () => {
  const clock = nodeClock({ awakeMs: () => 5000, uptimeMs: () => Number.NaN });
  assert.equal(clock.monotonicMs(), 5000);
});
