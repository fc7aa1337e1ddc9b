import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf, textOf } from "#test/support/deliveries.ts";
import { SimClock } from "#world/sim/clock.ts";
import {
  MAX_PER_CLIENT,
  MAX_PER_STRANGER,
  MAX_TO_STRANGERS,
  NoticeLimits,
} from "./notice-limits.ts";

const { origin: STRANGER } = messageOf(textOf(""));
const CLIENT = { ...STRANGER, username: "alice" };
const LOCAL = { ...STRANGER, kind: "local" } as const;

test("A stranger's address gets no more than its share, however it is spelt", () => {
  const limits = new NoticeLimits(new SimClock());
  for (let at = 0; at < MAX_PER_STRANGER; at++) {
    assert.equal(limits.take(STRANGER, "Victim@Example.net"), undefined);
  }
  assert.equal(limits.take(STRANGER, "victim@example.net"), "notices-per-sender");
  assert.equal(limits.take(STRANGER, "other@example.net"), undefined);
});

test("All strangers together get no more than theirs, and clients of ours still get reports", () => {
  const limits = new NoticeLimits(new SimClock());
  for (let at = 0; at < MAX_TO_STRANGERS; at++) {
    assert.equal(limits.take(STRANGER, `victim${at}@example.net`), undefined);
  }
  assert.equal(limits.take(STRANGER, "one.more@example.net"), "notices-to-strangers");
  assert.equal(limits.take(CLIENT, "alice@example.com"), undefined);
  assert.equal(limits.take(LOCAL, "root@example.com"), undefined);
});

test("A client who authenticated has a larger share, which a new hour gives back", async () => {
  const clock = new SimClock();
  const limits = new NoticeLimits(clock);
  for (let at = 0; at < MAX_PER_CLIENT; at++) limits.take(CLIENT, "alice@example.com");
  assert.equal(limits.take(CLIENT, "alice@example.com"), "notices-per-sender");
  await clock.advance(3_600_000);
  assert.equal(limits.take(CLIENT, "alice@example.com"), undefined);
});
