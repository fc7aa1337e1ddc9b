import assert from "node:assert/strict";
import { test } from "node:test";
import { exited, SimChildren } from "./children.ts";
import { SimClock } from "./clock.ts";

const LIMITS = { timeoutMs: 1_000, maxOutputBytes: 10 };

test("a simulated program answers its request", async () => {
  const children = new SimChildren(new SimClock(), {
    cat: ({ input = new Uint8Array() }) => exited(0, new TextDecoder().decode(input)),
  });
  const result = await children.run({ command: ["cat"], input: Buffer.from("hi"), ...LIMITS });
  assert.deepEqual(result, exited(0, "hi"));
});

test("a simulated program is held to its time and its output", async () => {
  const clock = new SimClock();
  const children = new SimChildren(clock, {
    loud: () => exited(0, "more than ten bytes"),
    slow: () => new Promise(() => {}),
  });
  assert.deepEqual(await children.run({ command: ["loud"], ...LIMITS }), {
    kind: "too-much-output",
  });
  const slow = children.run({ command: ["slow"], ...LIMITS });
  assert.deepEqual(await clock.runUntilSettled(slow, 5_000), { kind: "timed-out" });
  assert.equal(clock.monotonicMs(), 1_000);
  assert.equal((await children.run({ command: ["none"], ...LIMITS })).kind, "not-started");
});
