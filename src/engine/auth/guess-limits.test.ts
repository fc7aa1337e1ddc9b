import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { GuessLimits, SOURCE_FAILURES, SOURCE_FORGET_MS, USER_FAILURES } from "./guess-limits.ts";

test("a source is held after its failures, and let through again one at a time", async () => {
  const clock = new SimClock();
  const limits = new GuessLimits(clock);
  for (let n = 0; n < SOURCE_FAILURES - 1; n++) limits.failed(`user${n}`, "192.0.2.1");
  assert.equal(limits.held("ann", "192.0.2.1"), undefined);
  assert.equal(limits.failed("zoe", "192.0.2.1"), "source");
  assert.equal(limits.held("ann", "192.0.2.1"), "source");
  assert.equal(limits.held("ann", "192.0.2.2"), undefined);
  await clock.advance(SOURCE_FORGET_MS);
  assert.equal(limits.held("ann", "192.0.2.1"), undefined);
  assert.equal(limits.failed("ann", "192.0.2.1"), "source");
  assert.equal(limits.held("ann", "192.0.2.1"), "source");
});

test("the addresses of one IPv6 /64 are one source", () => {
  const limits = new GuessLimits(new SimClock());
  for (let n = 1; n <= SOURCE_FAILURES; n++) limits.failed(`user${n}`, `2001:db8::${n}`);
  assert.equal(limits.held("ann", "2001:db8:0:0:9::1"), "source");
  assert.equal(limits.held("ann", "2001:db8:0:1::1"), undefined);
});

test("a user who is guessed at is held, but not where he was seen lately", () => {
  const limits = new GuessLimits(new SimClock());
  limits.succeeded("ann", "198.51.100.1");
  const held = Array.from({ length: USER_FAILURES }, (_, n) =>
    limits.failed("ann", `192.0.2.${n}`),
  );
  assert.equal(held.at(-1), "user");
  assert.equal(limits.held("ann", "192.0.2.200"), "user");
  assert.equal(limits.held("ann", "198.51.100.1"), undefined);
  assert.equal(limits.held("bob", "192.0.2.200"), undefined);
});

test("clients of this machine are held by their user alone", () => {
  const limits = new GuessLimits(new SimClock());
  for (let n = 0; n < SOURCE_FAILURES * 2; n++) limits.failed(`user${n}`, "local");
  assert.equal(limits.held("ann", "local"), undefined);
  for (let n = 0; n < USER_FAILURES; n++) limits.failed("ann", "local");
  assert.equal(limits.held("ann", "local"), "user");
});

/** Attempts of one source that come at once: those that are looked at, and those that wait. */
function atOnce(limits: GuessLimits, count: number) {
  const users = Array.from({ length: count }, (_, n) => `user${n}`);
  const answers = users.map((user) => limits.enter(user, "192.0.2.1"));
  return {
    entered: users.filter((_, n) => answers[n] === undefined),
    waiting: answers.filter((answer) => answer instanceof Promise),
  };
}

test("no more attempts are looked at at once than failures are left", async () => {
  const limits = new GuessLimits(new SimClock());
  const { entered, waiting } = atOnce(limits, SOURCE_FAILURES + 5);
  assert.deepEqual([entered.length, waiting.length], [SOURCE_FAILURES, 5]);
  for (const user of entered) {
    limits.failed(user, "192.0.2.1");
    limits.leave(user, "192.0.2.1");
  }
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["source"]));
});

test("attempts that wait are looked at as soon as others have ended well", async () => {
  const limits = new GuessLimits(new SimClock());
  const { entered, waiting } = atOnce(limits, SOURCE_FAILURES * 2);
  for (const user of entered) limits.leave(user, "192.0.2.1");
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]));
});

test("guesses at one user from everywhere at once are as few, and do not keep him waiting", () => {
  const limits = new GuessLimits(new SimClock());
  limits.succeeded("ann", "198.51.100.1");
  const answers = Array.from({ length: USER_FAILURES + 1 }, (_, n) =>
    limits.enter("ann", `192.0.2.${n}`),
  );
  assert.equal(answers.filter((answer) => answer instanceof Promise).length, 1);
  assert.equal(limits.enter("ann", "198.51.100.1"), undefined);
});
