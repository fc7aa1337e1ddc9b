import assert from "node:assert/strict";
import { test } from "node:test";
import { queueLimits } from "#test/support/queue-limits.ts";
import { allQueued } from "#test/support/queued.ts";
import { MailSystem } from "./mail-system.ts";

test("A queue of thousands for one domain does not starve one letter for another", async () => {
  const system = new MailSystem(1, queueLimits({ maxInflight: 10 }));
  system.carrier.takesMs = 1000;
  for (let at = 0; at < 2000; at++) await system.send({ to: [`user${at}@huge.example`] });
  await system.send({ to: ["bob@small.example"] });
  await system.clock.advance(5000);
  assert.ok(
    system.carrier.delivered.includes("bob@small.example"),
    `delivered ${system.carrier.delivered.length} others first`,
  );
  await system.clock.advance(400_000);
  assert.equal(system.carrier.delivered.length, 2001);
});

test("No more attempts run at once than the limits say, and what waits names the limit", async () => {
  const system = new MailSystem(2, queueLimits({ maxMailPerSession: 1 }));
  system.carrier.holds = true;
  for (let at = 0; at < 60; at++) await system.send({ to: ["bob@example.com"] });
  for (let at = 0; at < 60; at++) await system.send({ to: [`user${at}@example.com`] });
  await system.clock.settle();
  // 7 for bob and 43 for others make the 50 of `mda max-session`.
  assert.equal(system.carrier.running, 50);
  const reasons = new Map<string, number>();
  for (const { reason } of await allQueued(system.queue)) {
    const name = "max" in reason ? `${reason.name} ${reason.max}` : reason.kind;
    reasons.set(name, (reasons.get(name) ?? 0) + 1);
  }
  assert.deepEqual(
    [...reasons].toSorted(([a], [b]) => a.localeCompare(b)),
    [
      ["inflight", 50],
      ["mda max-session 50", 17],
      ["mda max-session-per-user 7", 53],
    ],
  );
  for (let round = 0; round < 20; round++) {
    system.carrier.release();
    await system.clock.settle();
  }
  assert.equal(system.carrier.delivered.length, 120);
  assert.equal(system.carrier.peak, 50);
  assert.equal(system.size, 0);
});

test("A session into Maildirs has as many messages under way as its limit says", async () => {
  const system = new MailSystem(2, queueLimits({ maxSession: 3, maxSessionPerUser: 2 }));
  system.carrier.holds = true;
  for (let at = 0; at < 60; at++) await system.send({ to: ["bob@example.com"] });
  await system.clock.settle();
  assert.equal(system.carrier.running, 2 * 8);
  for (let at = 0; at < 60; at++) await system.send({ to: [`user${at}@example.com`] });
  await system.clock.settle();
  assert.equal(system.carrier.running, 3 * 8);
  system.carrier.holds = false;
  system.carrier.release();
  await system.clock.settle();
  assert.equal(system.size, 0);
});

test("All recipients of a message that go the same way are one attempt", async () => {
  const system = new MailSystem(3);
  await system.send({ to: ["a@far.example", "b@FAR.example", "c@near.example", "d@example.com"] });
  await system.clock.settle();
  assert.deepEqual(
    system.carrier.attempts.map(({ envelopes }) => envelopes.map((each) => each.destination)),
    [["a@far.example", "b@FAR.example"], ["c@near.example"], ["d@example.com"]],
  );
});

/** How long after it was sent a letter to `to` is tried. */
async function waitSeconds(system: MailSystem, to: string): Promise<number> {
  const sentMs = system.clock.monotonicMs();
  await system.send({ to: [to] });
  await system.clock.advance(600_000);
  const [attempted = Number.NaN] = system.attemptSeconds(to);
  return attempted - sentMs / 1000;
}

test("A letter does not wait for the thousands that are due for a server that never answers", async () => {
  const system = new MailSystem(4);
  system.carrier.takesMs = 300_000;
  system.carrier.script = () => ({ outcome: "deferred", status: "4.4.1" });
  for (let at = 0; at < 3000; at++) await system.send({ to: [`user${at}@dead.example`] });
  await system.clock.settle();
  assert.equal(system.carrier.running, 100);
  assert.equal(await waitSeconds(system, "ann@alive.example"), 0);
  // Hours later they are all due again.
  await system.clock.advance(6 * 3600 * 1000);
  assert.equal(await waitSeconds(system, "bob@alive.example"), 0);
  assert.equal(await waitSeconds(system, "bob@example.com"), 0);
});

test("When servers that never answer take all of max-inflight, a letter waits for one turn of each", async () => {
  const system = new MailSystem(5, queueLimits({ maxInflight: 200, maxConnPerRelay: 10 }));
  let ended = 0;
  system.carrier.script = () => ({ outcome: "deferred", status: "4.4.1" });
  system.carrier.holds = true;
  for (let at = 0; at < 2000; at++) await system.send({ to: [`user${at}@dead${at % 40}.example`] });
  await system.clock.settle();
  assert.equal(system.carrier.running, 200);
  await system.send({ to: ["ann@alive.example"] });
  while (system.attemptSeconds("ann@alive.example").length === 0 && ended < 1000) {
    system.carrier.release(1);
    await system.clock.advance(1);
    ended++;
  }
  // The other routes in line before it have one turn each.
  assert.ok(ended <= 41, `${ended} attempts ended first`);
});

test("The trace is told what a late attempt waited for", async () => {
  const system = new MailSystem(9, queueLimits({ maxMailPerSession: 1 }));
  const { clock, carrier, queue } = system;
  queue.pause("mta");
  await system.send({ to: ["ann@far.example"] });
  await clock.advance(5000);
  queue.resume("mta");
  carrier.holds = true;
  for (let at = 0; at < 8; at++) await system.send({ to: ["bob@example.com"] });
  await clock.advance(10_000);
  carrier.release();
  await clock.advance(1000);
  assert.deepEqual(
    system.seen("waited").map(({ evpids, waitedMs, reason }) => [evpids.length, waitedMs, reason]),
    [
      [1, 5000, "paused mta"],
      [1, 10_000, "limit mda max-session-per-user"],
    ],
  );
});
