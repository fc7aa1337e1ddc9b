/** MT-PRIORITY (RFC 6710), and that reports go last. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { queueLimits } from "#test/support/queue-limits.ts";
import { MailSystem } from "./mail-system.ts";

/** One attempt at a time, each a second. */
function slowSystem(seed: number): MailSystem {
  const system = new MailSystem(seed, queueLimits({ maxInflight: 1 }));
  system.carrier.takesMs = 1000;
  return system;
}

async function send(system: MailSystem, to: string, priority: number): Promise<void> {
  await system.send({ to: [to], terms: { priority } });
}

test("Of one route and of all routes the highest priority goes first", async () => {
  const system = slowSystem(1);
  await send(system, "first@a.example", 0);
  await system.clock.settle();
  await send(system, "low@a.example", -4);
  await send(system, "usual@a.example", 0);
  await send(system, "other@b.example", 0);
  await send(system, "high@a.example", 6);
  await system.clock.advance(60_000);
  assert.deepEqual(system.carrier.delivered, [
    "first@a.example",
    "high@a.example",
    "other@b.example",
    "usual@a.example",
    "low@a.example",
  ]);
});

test("A flood of the highest priority leaves the lowest its turns", async () => {
  const system = slowSystem(3);
  for (let at = 0; at < 200; at++) await send(system, `user${at}@a.example`, 9);
  await send(system, "low@a.example", -9);
  for (let at = 0; at < 200; at++) await send(system, `user${at}@b.example`, 9);
  await send(system, "low@c.example", -9);
  await system.clock.advance(100_000);
  assert.ok(system.carrier.delivered.includes("low@a.example"), "same route");
  assert.ok(system.carrier.delivered.includes("low@c.example"), "other route");
});

test("A report to a sender goes behind the mail of others", async () => {
  const system = slowSystem(4);
  system.carrier.script = ({ destination }) =>
    destination === "nobody@a.example"
      ? { outcome: "failed", status: "5.1.1" }
      : { outcome: "delivered" };
  await system.send({ to: ["nobody@a.example"], from: "ann@a.example" });
  await system.clock.settle();
  await send(system, "bob@a.example", 0);
  await system.clock.advance(1500);
  await send(system, "cleo@a.example", 0);
  await system.clock.advance(60_000);
  assert.deepEqual(system.carrier.delivered, ["bob@a.example", "cleo@a.example", "ann@a.example"]);
});

test("A higher priority passes by those that stand in line asleep", async () => {
  const system = new MailSystem(5, {
    ...queueLimits({ maxConnPerRelay: 1 }),
    tiers: { maxAwake: 20 },
  });
  system.carrier.takesMs = 1000;
  for (let at = 0; at < 100; at++) await send(system, `user${at}@a.example`, 0);
  await send(system, "high@a.example", 1);
  await send(system, "low@a.example", 0);
  await system.clock.advance(3000);
  assert.ok(system.carrier.delivered.includes("high@a.example"));
  await system.clock.advance(200_000);
  assert.equal(system.size, 0);
});
