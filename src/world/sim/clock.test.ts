import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "./clock.ts";

test("timers run in the order of their due times, equal ones as they were made", async () => {
  const clock = new SimClock();
  const log: string[] = [];
  for (const [name, ms] of [
    ["c", 20],
    ["a", 10],
    ["b", 10],
  ] as const) {
    clock.after(ms, () => log.push(`${name}@${clock.monotonicMs()}`));
  }
  await clock.advance(30);
  assert.deepEqual(log, ["a@10", "b@10", "c@20"]);
  assert.equal(clock.monotonicMs(), 30);
});

test("promises run to their end before the next timer of the same instant", async () => {
  const clock = new SimClock();
  const log: string[] = [];
  const work = async (name: string): Promise<void> => {
    for (let step = 0; step < 50; step++) await Promise.resolve();
    log.push(name);
  };
  clock.after(5, () => void work("first"));
  clock.after(5, () => log.push("second"));
  await clock.advance(5);
  assert.deepEqual(log, ["first", "second"]);
});

test("a cancelled timer does not run, also when cancelled by one of its instant", async () => {
  const clock = new SimClock();
  const log: string[] = [];
  const cancels: (() => void)[] = [];
  clock.after(1, () => cancels.forEach((cancel) => cancel()));
  cancels.push(clock.after(1, () => log.push("ran")));
  assert.equal(await clock.runUntilIdle(10), "idle");
  assert.deepEqual(log, []);
  assert.equal(clock.pendingTimers, 0);
});

test("five days of a timer every minute pass, and what is left is told", async () => {
  const clock = new SimClock();
  let count = 0;
  const again = (): void => {
    count++;
    clock.after(60_000, again);
  };
  again();
  assert.equal(await clock.runUntilIdle(5 * 86_400_000), "busy");
  assert.equal(count, 5 * 1_440 + 1);
  assert.equal(clock.nextDueMs, 5 * 86_400_000 + 60_000);
});

test("the wall clock jumps and monotonic time does not", async () => {
  const clock = new SimClock(1_000);
  let ranAtMs = -1;
  clock.after(10, () => {
    ranAtMs = clock.monotonicMs();
  });
  clock.jumpWall(-500);
  assert.deepEqual([clock.wallMs(), clock.monotonicMs()], [500, 0]);
  await clock.advance(10);
  assert.deepEqual([ranAtMs, clock.wallMs()], [10, 510]);
});

test("waiting for a promise runs the clock just so far", async () => {
  const clock = new SimClock();
  const promise = new Promise<string>((resolve) => {
    clock.after(70, () => resolve("done"));
  });
  clock.after(90, () => assert.fail("not yet due"));
  assert.equal(await clock.runUntilSettled(promise, 1_000), "done");
  assert.equal(clock.monotonicMs(), 70);
});

test("waiting in vain throws instead of hanging", async () => {
  const clock = new SimClock();
  await assert.rejects(clock.runUntilSettled(new Promise<never>(() => {}), 1_000), /in vain/);
  await assert.rejects(clock.runUntilSettled(Promise.reject(new Error("broken")), 1), /broken/);
});

test("thousands of cancelled timers do not disturb the order of the rest", async () => {
  const clock = new SimClock();
  const ranAtMs: number[] = [];
  const cancels: (() => void)[] = [];
  for (let at = 0; at < 2_000; at++) {
    const cancel = clock.after((at * 7_919) % 1_000, () => ranAtMs.push(clock.monotonicMs()));
    if (at % 10 !== 0) cancels.push(cancel);
  }
  for (const cancel of cancels) cancel();
  assert.equal(clock.pendingTimers, 200);
  await clock.advance(1_000);
  assert.equal(ranAtMs.length, 200);
  assert.deepEqual(
    ranAtMs,
    ranAtMs.toSorted((a, b) => a - b),
  );
});
