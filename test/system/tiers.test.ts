/**
 * A queue of which few may be awake is, to all who look at it, as one of which all may be.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { unreachable } from "#base/unreachable.ts";
import type { Action } from "#model/config/action.ts";
import type { Target } from "#model/ipc/control-link.ts";
import { NO_FILTER } from "#model/queue-filter.ts";
import type { TierBounds } from "#engine/queue/tiers.ts";
import { relayAction, toHosts } from "#test/support/actions.ts";
import { queueLimits } from "#test/support/queue-limits.ts";
import { allQueued } from "#test/support/queued.ts";
import { ACTIONS, actionsWithout, DAY_MS, MailSystem } from "./mail-system.ts";

const ALL: Target = { kind: "all" };
const FEW: TierBounds = { maxAwake: 5 };
const MANY: TierBounds = { maxAwake: 1e6 };

type Step =
  | { readonly kind: "send"; readonly to: readonly string[] }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "pause" | "resume"; readonly subsystem: "mta" | "mda" }
  | { readonly kind: "order"; readonly what: (typeof ORDERS)[number]; readonly domain: string }
  | { readonly kind: "take-up"; readonly without: string }
  | { readonly kind: "restart" };

const ORDERS = ["schedule", "remove", "suspend", "unsuspend"] as const;
const DOMAINS = ["one.example", "two.example", "example.com"];
const anyDomain = fc.constantFrom(...DOMAINS);
const anyRecipient = fc
  .tuple(fc.constantFrom("ann", "bob", "cleo"), anyDomain)
  .map(([user, domain]) => `${user}@${domain}`);
const anySubsystem = fc.constantFrom("mta", "mda");

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      to: fc.uniqueArray(anyRecipient, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.constantFrom(0, 1000, 11_000, 400_000, 2_000_000, DAY_MS),
    }),
  },
  fc.record({ kind: fc.constantFrom("pause", "resume"), subsystem: anySubsystem }),
  fc.record({
    kind: fc.constant("order" as const),
    what: fc.constantFrom(...ORDERS),
    domain: anyDomain,
  }),
  fc.record({
    kind: fc.constant("take-up" as const),
    without: fc.constantFrom("", "out", "local"),
  }),
  fc.constant({ kind: "restart" as const }),
);

/** Destinations that are deferred as often as their name has letters, then delivered. */
function begin(seed: number, tiers: TierBounds): MailSystem {
  const system = new MailSystem(seed, { tiers });
  system.resolve = () => ({ kind: "rejected", rule: "", why: "no reports" });
  const tries = new Map<string, number>();
  system.carrier.script = ({ evpid, destination }) => {
    const before = tries.get(evpid) ?? 0;
    tries.set(evpid, before + 1);
    return { outcome: before < destination.indexOf("@") ? "deferred" : "delivered" };
  };
  return system;
}

/** What an order or a reload says. */
async function act(system: MailSystem, step: Step): Promise<unknown> {
  const { queue, clock } = system;
  switch (step.kind) {
    case "send":
      await system.send({ to: step.to });
      return undefined;
    case "advance":
      return clock.advance(step.ms);
    case "pause":
      return queue.pause(step.subsystem);
    case "resume":
      return queue.resume(step.subsystem);
    case "order":
      return order(system, step);
    case "take-up":
      return system.reload({ actions: actionsWithout(step.without) });
    case "restart":
      return system.restart();
    default:
      return unreachable(step);
  }
}

async function order(
  { queue, clock }: MailSystem,
  { what, domain }: Extract<Step, { kind: "order" }>,
): Promise<number> {
  const filter = { ...NO_FILTER, domains: [domain] };
  const target: Target = { kind: "matching", filter, within: undefined, limit: undefined };
  const ordered = queue[what](target);
  await clock.settle();
  return ordered;
}

/** All that a person can see, in an order of its own. */
async function seen(system: MailSystem): Promise<readonly object[]> {
  const queued = await allQueued(system.queue);
  return queued
    .map(({ envelope, reason, ...rest }) => ({
      evpid: envelope.evpid,
      destination: envelope.destination,
      reason,
      retryCount: rest.retryCount,
      lastTryAtMs: rest.lastTryAtMs,
      expiresAtMs: rest.expiresAtMs,
      lastError: rest.lastError,
      route: rest.route,
    }))
    .toSorted((a, b) => (a.evpid < b.evpid ? -1 : 1));
}

test("Whatever comes, is ordered, reloaded and restarted, few awake or many make no difference", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
      const few = begin(1, FEW);
      const many = begin(1, MANY);
      for (const step of [...steps, { kind: "advance", ms: 0 } as const]) {
        assert.deepEqual(await act(few, step), await act(many, step), step.kind);
        await few.clock.settle();
        await many.clock.settle();
        assert.deepEqual(await seen(few), await seen(many), step.kind);
      }
      for (const each of [few, many]) await each.clock.advance(6 * DAY_MS);
      assert.deepEqual(await seen(few), await seen(many));
      assert.deepEqual(few.carrier.delivered.toSorted(), many.carrier.delivered.toSorted());
      assert.equal(few.seen("expired").length, many.seen("expired").length);
    }),
    { numRuns: 60 },
  );
});

/** Each a message of its own. */
async function sendAll(system: MailSystem, count: number, domain: string): Promise<void> {
  for (let number = 0; number < count; number++) {
    await system.send({ to: [`user-${number}@${domain}`] });
  }
}

function gauge(system: MailSystem, wanted: string): number {
  return system.queue.gauges().find(({ name }) => name === wanted)?.value ?? Number.NaN;
}

function isFor(domain: string): (envelope: { readonly destination: string }) => boolean {
  return ({ destination }) => destination.endsWith(`@${domain}`);
}

test("Thousands that are due for one destination hold up no other, and few of them are awake", async () => {
  const system = new MailSystem(2, { tiers: { maxAwake: 40 } });
  const isDead = isFor("dead.example");
  system.carrier.script = (envelope) => ({ outcome: isDead(envelope) ? "deferred" : "delivered" });
  await sendAll(system, 3000, "dead.example");
  await system.clock.settle();
  assert.equal(system.size, 3000);
  assert.equal(gauge(system, "scheduler.awake"), 0);
  // Their next tries come all at once, as after a jump of the clock, and never end.
  system.carrier.takesMs = DAY_MS;
  await system.clock.advance(2_000_000);
  assert.ok(
    gauge(system, "scheduler.awake") <= 40,
    `${gauge(system, "scheduler.awake")} are awake`,
  );
  system.carrier.takesMs = 0;
  await system.send({ to: ["ann@alive.example", "bob@example.com"] });
  await system.clock.settle();
  assert.deepEqual(system.carrier.delivered.toSorted(), ["ann@alive.example", "bob@example.com"]);
  assert.ok(
    gauge(system, "scheduler.awake") <= 40,
    `${gauge(system, "scheduler.awake")} are awake`,
  );
});

test("However many destinations are full, there is room for one more, and for the other subsystem", async () => {
  const system = new MailSystem(3, { tiers: { maxAwake: 40 } });
  system.queue.pause("mta");
  for (let number = 0; number < 200; number++) {
    await sendAll(system, 5, `domain-${number}.example`);
  }
  await system.clock.settle();
  assert.ok(
    gauge(system, "scheduler.awake") <= 40,
    `${gauge(system, "scheduler.awake")} are awake`,
  );
  await system.send({ to: ["bob@example.com"] });
  await system.clock.settle();
  assert.deepEqual(system.carrier.delivered, ["bob@example.com"]);
  system.queue.resume("mta");
  await system.clock.settle();
  assert.equal(system.carrier.delivered.length, 1001);
  assert.equal(system.size, 0);
});

test("Who stands in line asleep expires there, and is not tried any more", async () => {
  const system = new MailSystem(4, { tiers: FEW });
  system.queue.pause("mta");
  await sendAll(system, 2000, "one.example");
  await system.clock.advance(3 * DAY_MS);
  assert.equal(system.size, 2000);
  await system.clock.advance(2 * DAY_MS);
  assert.equal(system.seen("expired").length, 2000);
  assert.deepEqual(system.attemptSeconds("user-7@one.example"), []);
});

test("Thousands that expire at once are awake a few at a time, however slow the disk is", async () => {
  const system = new MailSystem(7, { tiers: { maxAwake: 40 } });
  system.carrier.script = () => ({ outcome: "deferred" });
  await sendAll(system, 2000, "dead.example");
  await system.clock.settle();
  const disk = Promise.withResolvers<void>();
  const { spool } = system;
  const commit = spool.commit.bind(spool);
  spool.commit = async (batch) => {
    await disk.promise;
    return commit(batch);
  };
  system.queue.pause("mta");
  await system.clock.advance(5 * DAY_MS);
  assert.ok(gauge(system, "scheduler.awake") <= 4 * 40 + 40, `${gauge(system, "scheduler.awake")}`);
  disk.resolve();
  await system.clock.advance(DAY_MS);
  assert.equal(system.seen("expired").length, 2000);
  assert.equal(gauge(system, "scheduler.awake"), 0);
});

test("Sleepers whose action is gone are counted, wait without being tried, and go on when it is back", async () => {
  const system = new MailSystem(5, { tiers: FEW });
  system.carrier.script = () => ({ outcome: "deferred" });
  await sendAll(system, 500, "one.example");
  await system.send({ to: ["bob@example.com"] });
  await system.clock.settle();
  const stranded = system.reload({ actions: new Map() });
  assert.equal(stranded.envelopes, 501);
  assert.deepEqual(stranded.actions.toSorted(), ["local", "out"]);
  await system.clock.advance(DAY_MS);
  assert.equal(system.carrier.attempts.length, 501);
  assert.equal(
    (await allQueued(system.queue)).every(({ reason }) => reason.kind === "no-action"),
    true,
  );
  system.carrier.script = () => ({ outcome: "delivered" });
  system.reload({ actions: ACTIONS });
  await system.clock.settle();
  assert.equal(system.size, 0);
});

test("An order about thousands that sleep leaves the mail its turn, and means none that come meanwhile", async () => {
  const system = new MailSystem(6, { tiers: FEW });
  const isDead = isFor("dead.example");
  system.carrier.script = (envelope) => ({ outcome: isDead(envelope) ? "deferred" : "delivered" });
  await sendAll(system, 5000, "dead.example");
  await system.clock.settle();
  const removed = system.queue.remove(ALL);
  await system.send({ to: ["ann@alive.example"] });
  await sendAll(system, 1, "dead.example");
  await system.clock.settle();
  await system.clock.advance(1000);
  assert.equal(await removed, 5000);
  assert.deepEqual(system.carrier.delivered, ["ann@alive.example"]);
  assert.equal(system.size, 1);
});

/** What a reload does away with: then both envelopes of a message have one way, or none. */
const EARLIER: readonly (readonly [name: string, actions: ReadonlyMap<string, Action>])[] = [
  ["that had no action", actionsWithout("out")],
  ["that went to one host", new Map([["out", relayAction("out", { to: toHosts("hub.example") })]])],
];

for (const [name, actions] of EARLIER) {
  test(`Envelopes ${name} stand each in its own line when a reload gives them ways of their own`, async () => {
    const limits = queueLimits({ maxConnPerRelay: 1, maxConnPerDomain: 10, taskHiwat: 1 });
    const system = new MailSystem(8, limits);
    system.carrier.holds = true;
    await sendAll(system, 3, "busy.example");
    system.reload({ actions });
    await system.send({ to: ["ann@busy.example", "ann@free.example"] });
    await system.clock.settle();
    assert.deepEqual(system.attemptSeconds("ann@free.example"), []);
    system.reload({ actions: ACTIONS });
    await system.clock.settle();
    assert.deepEqual(system.attemptSeconds("ann@free.example"), [0]);
    assert.deepEqual(system.attemptSeconds("ann@busy.example"), []);
  });
}
