/** `scheduler limit`, `mda limit`, and what of `mta limit` the queue keeps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_SCHEDULER_LIMITS } from "#engine/scheduler/limits.ts";
import { reasonName } from "#engine/scheduler/wait-reason.ts";
import { queueLimits } from "#test/support/queue-limits.ts";
import { relayAction, toHosts } from "#test/support/actions.ts";
import { allQueued } from "#test/support/queued.ts";
import { ACTIONS, MailSystem } from "./mail-system.ts";

const byText = (a: string, b: string): number => a.localeCompare(b);

async function sendMany(system: MailSystem, count: number, domain: string, action?: string) {
  for (let at = 0; at < count; at++) {
    await system.send({ to: [`user${at}@${domain}`], ...(action !== undefined && { action }) });
  }
  await system.clock.settle();
}

async function reasons(system: MailSystem): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { reason } of await allQueued(system.queue)) {
    const name = reasonName(reason);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function awake(system: MailSystem): number | undefined {
  return system.queue.gauges().find(({ name }) => name === "scheduler.awake")?.value;
}

test("A domain has the limits that name it, and the others those for all", async () => {
  const { mtaLimits } = DEFAULT_SCHEDULER_LIMITS;
  const system = new MailSystem(1, {
    mtaLimits: { ...mtaLimits, maxConnPerRelay: 3 },
    mtaDomainLimits: new Map([["slow.example", { ...mtaLimits, maxConnPerRelay: 1 }]]),
  });
  system.carrier.holds = true;
  await sendMany(system, 5, "SLOW.example");
  assert.equal(system.carrier.running, 1);
  await sendMany(system, 5, "other.example");
  assert.equal(system.carrier.running, 4);
  assert.deepEqual(await reasons(system), { inflight: 4, "limit mta max-conn-per-relay": 6 });
});

test("What two actions relay to one domain is counted together", async () => {
  const system = new MailSystem(2, {
    ...queueLimits({ maxConnPerDomain: 3 }),
    actions: new Map([...ACTIONS, ["also", relayAction("also")]]),
  });
  system.carrier.holds = true;
  await sendMany(system, 2, "far.example");
  await sendMany(system, 2, "far.example", "also");
  await sendMany(system, 1, "near.example");
  assert.deepEqual(await reasons(system), { inflight: 4, "limit mta max-conn-per-domain": 1 });
  system.carrier.release();
  await system.clock.settle();
  system.carrier.release();
  await system.clock.settle();
  assert.equal(system.size, 0);
});

test("One relay host is a domain by its name, several are none", async () => {
  const { mtaLimits } = DEFAULT_SCHEDULER_LIMITS;
  const system = new MailSystem(3, {
    mtaDomainLimits: new Map([["hub.example", { ...mtaLimits, maxConnPerRelay: 1 }]]),
    actions: new Map([
      ["one", relayAction("one", { to: toHosts("hub.example") })],
      ["two", relayAction("two", { to: toHosts("hub.example", "hub.example") })],
    ]),
  });
  system.carrier.holds = true;
  await sendMany(system, 3, "a.example", "one");
  assert.equal(system.carrier.running, 1);
  await sendMany(system, 3, "b.example", "two");
  assert.equal(system.carrier.running, 4);
});

test("Other limits count from the reload on: what is under way goes on, what has room begins", async () => {
  const oneMail = { maxMailPerSession: 1 };
  const system = new MailSystem(4, queueLimits({ maxConnPerRelay: 2, maxSession: 1, ...oneMail }));
  system.carrier.holds = true;
  await sendMany(system, 6, "far.example");
  await sendMany(system, 6, "example.com");
  assert.equal(system.carrier.running, 3);
  system.reload(queueLimits({ maxConnPerRelay: 4, maxSession: 3, ...oneMail }));
  await system.clock.settle();
  assert.equal(system.carrier.running, 7);
  system.reload(queueLimits({ maxConnPerRelay: 1, maxSession: 1, ...oneMail }));
  system.carrier.release(6);
  await system.clock.settle();
  assert.equal(system.carrier.running, 2);
  system.reload(queueLimits({ maxInflight: 1 }));
  system.carrier.holds = false;
  system.carrier.release();
  await system.clock.settle();
  assert.equal(system.size, 0);
});

test("Of a route up to task-hiwat are at hand; from task-lowat on task-release more come", async () => {
  const limits = { taskHiwat: 10, taskLowat: 4, taskRelease: 3, maxConnPerRelay: 1 };
  const system = new MailSystem(5, queueLimits(limits));
  system.carrier.holds = true;
  await sendMany(system, 30, "far.example");
  const seen = [awake(system)];
  for (let at = 0; at < 16; at++) {
    system.carrier.release(1);
    await system.clock.advance(1);
    seen.push(awake(system));
  }
  // One of them is under way.
  assert.deepEqual(seen, [11, 10, 9, 8, 7, 6, 8, 7, 6, 8, 7, 6, 8, 7, 6, 8, 7]);
});

test("Who was put off by a server in the attempt in which another got through is not tried again at once", async () => {
  const system = new MailSystem(7);
  let isUp = false;
  system.carrier.script = ({ destination }) => {
    if (!isUp) return { outcome: "deferred", status: "4.4.1" };
    const isFull = destination === "full@far.example";
    return isFull ? { outcome: "deferred", status: "4.2.2" } : { outcome: "delivered" };
  };
  await system.send({ to: ["ann@far.example", "full@far.example"] });
  await system.clock.advance(100_000);
  isUp = true;
  await system.clock.advance(500_000);
  assert.deepEqual(system.carrier.delivered, ["ann@far.example"]);
  assert.deepEqual(system.attemptSeconds("full@far.example"), [0, 400]);
});

test("When one gets through, those that could not reach the domain are tried too, as many as mta max-deferred", async () => {
  const system = new MailSystem(6, { mtaMaxDeferred: 3 });
  let isUp = false;
  system.carrier.script = ({ destination }) => {
    if (destination === "full@far.example") return { outcome: "deferred", status: "4.2.2" };
    return isUp ? { outcome: "delivered" } : { outcome: "deferred", status: "4.4.1" };
  };
  await sendMany(system, 5, "far.example");
  await system.send({ to: ["ann@near.example"] });
  await system.clock.advance(100_000);
  isUp = true;
  await system.send({ to: ["full@far.example"] });
  await system.clock.advance(1000);
  assert.deepEqual(system.carrier.delivered, []);
  await system.send({ to: ["one@far.example"] });
  await system.clock.advance(1000);
  assert.deepEqual(system.carrier.delivered.toSorted(byText), [
    "one@far.example",
    "user2@far.example",
    "user3@far.example",
    "user4@far.example",
  ]);
  assert.deepEqual(system.attemptSeconds("user2@far.example"), [0, 101]);
  // The others come at their own time.
  await system.clock.advance(298_000);
  assert.deepEqual(system.attemptSeconds("user0@far.example"), [0, 400]);
  assert.deepEqual(system.attemptSeconds("full@far.example"), [100]);
  assert.deepEqual(system.attemptSeconds("ann@near.example"), [0, 400]);
});
