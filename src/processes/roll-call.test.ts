import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { RollCall } from "./roll-call.ts";

const TIMEOUT_MS = 1000;

function rollCall(): { readonly clock: SimClock; readonly calls: RollCall<string, number> } {
  const clock = new SimClock();
  return { clock, calls: new RollCall(clock) };
}

test("a call ends with the last answer, and has each member's first one", async () => {
  const { calls } = rollCall();
  const called = calls.call(1, ["a", "b"], TIMEOUT_MS);
  calls.answered(1, "a", 10);
  calls.answered(1, "a", 11);
  calls.answered(1, "stranger", 12);
  calls.answered(1, "b", 20);
  const { answers, silent } = await called;
  assert.deepEqual(
    [...answers],
    [
      ["a", 10],
      ["b", 20],
    ],
  );
  assert.deepEqual(silent, []);
});

test("who does not answer in time is silent, and an answer that comes later is nobody's", async () => {
  const { clock, calls } = rollCall();
  const called = calls.call(1, ["a", "b"], TIMEOUT_MS);
  calls.answered(1, "b", 20);
  await clock.advance(TIMEOUT_MS);
  const { answers, silent } = await called;
  calls.answered(1, "a", 10);
  assert.deepEqual([...answers], [["b", 20]]);
  assert.deepEqual(silent, ["a"]);
});

test("who goes away is not waited for, in any call", async () => {
  const { calls } = rollCall();
  const first = calls.call(1, ["a", "b"], TIMEOUT_MS);
  const second = calls.call(2, ["a"], TIMEOUT_MS);
  calls.answered(1, "b", 20);
  calls.gone("a");
  for (const { silent } of await Promise.all([first, second])) assert.deepEqual(silent, []);
});

test("an answer goes to the call of its number, and a call of nobody ends at once", async () => {
  const { calls } = rollCall();
  assert.deepEqual(await calls.call(1, [], TIMEOUT_MS), { answers: new Map(), silent: [] });
  const [first, second] = [calls.call(2, ["a"], TIMEOUT_MS), calls.call(3, ["a"], TIMEOUT_MS)];
  calls.answered(3, "a", 3);
  calls.answered(2, "a", 2);
  assert.deepEqual((await first).answers.get("a"), 2);
  assert.deepEqual((await second).answers.get("a"), 3);
});
