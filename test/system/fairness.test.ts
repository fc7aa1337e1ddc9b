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
  const system = new MailSystem(2);
  system.carrier.holds = true;
  for (let at = 0; at < 60; at++) await system.send({ to: ["bob@example.com"] });
  for (let at = 0; at < 60; at++) await system.send({ to: [`user${at}@example.com`] });
  await system.clock.settle();
  // 7 for bob and 43 for others make the 50 of `mda max-session`.
  assert.equal(system.carrier.running, 50);
  const reasons = new Map<string, number>();
  for (const { reason } of await allQueued(system.queue)) {
    const name = reason.kind === "limit" ? `${reason.name} ${reason.max}` : reason.kind;
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

test("All recipients of a message that go the same way are one attempt", async () => {
  const system = new MailSystem(3);
  await system.send({ to: ["a@far.example", "b@FAR.example", "c@near.example", "d@example.com"] });
  await system.clock.settle();
  assert.deepEqual(
    system.carrier.attempts.map(({ envelopes }) => envelopes.map((each) => each.destination)),
    [["a@far.example", "b@FAR.example"], ["c@near.example"], ["d@example.com"]],
  );
});
