import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Action } from "#model/config/config.ts";
import type { Message } from "#model/envelope.ts";
import { addEnvelope, type EnvelopeRecord, MessageRecord, type Plan } from "./record.ts";
import { type Grant, Scheduler } from "./scheduler.ts";

const AT = { file: "smtpd.conf", line: 1, column: 1 };
const RELAY: Action = { kind: "relay", at: AT, name: "out", ttlMs: 1, hosts: [], helo: "" };
const MAILDIR: Action = {
  kind: "maildir",
  at: AT,
  name: "local",
  ttlMs: 1,
  path: { source: "", parts: [] },
  user: undefined,
};
const ACTIONS = new Map<string, Action>([
  ["out", RELAY],
  ["local", MAILDIR],
]);

const LIMITS = { maxInflight: 4, mtaMaxPerRelay: 2, mdaMaxSession: 3, mdaMaxSessionPerUser: 2 };

function message(number: number): MessageRecord {
  const stored: Message = {
    msgid: number.toString(16).padStart(8, "0"),
    acceptedAtMs: 0,
    reversePath: "",
    origin: { kind: "smtp", address: "", hostname: "", helo: "", tag: "", username: "" },
    textBytes: 0,
    is8bit: false,
  };
  return new MessageRecord(stored, 0);
}

/** "user" alone is local. */
function envelope(owner: MessageRecord, destination: string, ttlMs: number = 1e9): EnvelopeRecord {
  const isLocal = !destination.includes("@");
  const plan: Plan = {
    action: isLocal ? "local" : "out",
    transport: isLocal ? { kind: "mda", user: destination } : { kind: "mta" },
    rule: "",
    ttlMs,
  };
  const evpid = owner.message.msgid + (owner.envelopes.length + 1).toString(16).padStart(8, "0");
  return addEnvelope(owner, { ...plan, evpid, forwardPath: destination, destination }, plan);
}

test("Routes take turns, whatever the length of their lines", () => {
  const scheduler = new Scheduler({ ...LIMITS, maxInflight: 1 }, ACTIONS);
  const domains = ["a", "a", "a", "b", "b", "c"];
  for (const [at, domain] of domains.entries()) {
    scheduler.ready(envelope(message(at), `x@${domain}`), 0);
  }
  const order: string[] = [];
  for (;;) {
    const grant = scheduler.take();
    if (grant === undefined) break;
    order.push(grant.route.key.name);
    assert.equal(scheduler.take(), undefined);
    scheduler.release(grant);
    for (const record of grant.records) scheduler.finish(record);
  }
  assert.deepEqual(order, [
    "relay out a",
    "relay out b",
    "relay out c",
    "relay out a",
    "relay out b",
    "relay out a",
  ]);
  assert.equal(scheduler.routeCount, 0);
});

test("What expires before its next try is reported instead of tried", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const soon = envelope(message(1), "x@a", 100);
  const late = envelope(message(2), "x@b", 1000);
  scheduler.wait(soon, 400);
  scheduler.wait(late, 400);
  assert.equal(scheduler.nextDueMs, 100);
  assert.deepEqual(scheduler.advance(99, 10), { expired: [], stranded: [], more: false });
  assert.deepEqual(scheduler.advance(400, 1), { expired: [soon], stranded: [], more: true });
  assert.deepEqual(scheduler.advance(400, 10), { expired: [], stranded: [], more: false });
  assert.deepEqual(scheduler.take()?.records, [late]);
});

test("An envelope that leaves its line and comes back is attempted once", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const owner = message(1);
  const [one, two] = [envelope(owner, "x@a"), envelope(owner, "y@a")];
  scheduler.ready(one, 0);
  scheduler.ready(two, 0);
  scheduler.suspend(one);
  assert.deepEqual(scheduler.reasonOf(one, 0), { kind: "suspended", by: "operator" });
  scheduler.ready(one, 0);
  assert.deepEqual(scheduler.take()?.records, [one, two]);
  assert.equal(scheduler.take(), undefined);
});

interface World {
  readonly scheduler: Scheduler;
  readonly records: EnvelopeRecord[];
  readonly grants: Grant[];
  nowMs: number;
}

/** What can happen to a scheduler; each is harmless where it does not apply. */
const STEPS: Readonly<Record<string, (world: World, pick: number) => void>> = {
  accept({ scheduler, records }, pick) {
    const owner = message(records.length + 1);
    const destinations = ["x@a", "y@a", "x@b", "bob", "carol"];
    for (const destination of destinations.slice(pick % 5, (pick % 5) + 2)) {
      const record = envelope(owner, destination, 1000 + pick);
      records.push(record);
      scheduler.ready(record, 0);
    }
  },
  take({ scheduler, grants }) {
    const grant = scheduler.take();
    if (grant !== undefined) grants.push(grant);
  },
  defer({ scheduler, grants, nowMs }, pick) {
    const [grant] = grants.splice(pick % Math.max(1, grants.length), 1);
    if (grant === undefined) return;
    scheduler.release(grant);
    for (const record of grant.records) scheduler.wait(record, nowMs + pick);
  },
  finish({ scheduler, grants }, pick) {
    const [grant] = grants.splice(pick % Math.max(1, grants.length), 1);
    if (grant === undefined) return;
    scheduler.release(grant);
    for (const record of grant.records) scheduler.finish(record);
  },
  pass(world, pick) {
    world.nowMs += pick;
    for (const record of world.scheduler.advance(world.nowMs, 3).expired) {
      world.scheduler.finish(record);
    }
  },
  suspend({ scheduler, records }, pick) {
    const record = records[pick % Math.max(1, records.length)];
    if (record?.state === "ready" || record?.state === "waiting") scheduler.suspend(record);
  },
  resume({ scheduler, records }, pick) {
    const record = records[pick % Math.max(1, records.length)];
    if (record?.state === "suspended") scheduler.ready(record, 0);
  },
  pause({ scheduler }, pick) {
    scheduler.pause(pick % 2 === 0 ? "mta" : "mda");
  },
  unpause({ scheduler }, pick) {
    scheduler.resume(pick % 2 === 0 ? "mta" : "mda");
  },
};

/** Without more of these the limits would seldom be reached. */
const FREQUENT = ["accept", "accept", "take", "take", "take", "finish", "defer"];

/** How many attempts under way fit `matches`. */
function running(grants: readonly Grant[], matches: (grant: Grant) => boolean): number {
  return grants.filter(matches).length;
}

/** Whether the limits, counted anew, would let an attempt on the route of `record` start. */
function mayStart({ scheduler, grants }: World, record: EnvelopeRecord): boolean {
  const key = record.route?.key;
  if (key === undefined || scheduler.isPaused(key.subsystem)) return false;
  if (grants.flatMap((grant) => grant.records).length >= LIMITS.maxInflight) return false;
  if (key.subsystem === "mta") {
    return running(grants, (grant) => grant.route === record.route) < LIMITS.mtaMaxPerRelay;
  }
  return (
    running(grants, (grant) => grant.route.key.subsystem === "mda") < LIMITS.mdaMaxSession &&
    running(grants, (grant) => grant.route.key.user === key.user) < LIMITS.mdaMaxSessionPerUser
  );
}

test("Whatever happens, limits hold, nothing is in flight twice, and nothing that may start is left in line", () => {
  const step = fc.tuple(fc.constantFrom(...FREQUENT, ...Object.keys(STEPS)), fc.nat(500));
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 200, size: "max" }), (steps) => {
      const scheduler = new Scheduler(LIMITS, ACTIONS);
      const world: World = { scheduler, records: [], grants: [], nowMs: 0 };
      for (const [name, pick] of steps) {
        STEPS[name]?.(world, pick);
        const inFlight = world.grants.flatMap((grant) => grant.records);
        assert.equal(new Set(inFlight).size, inFlight.length);
        assert.equal(scheduler.inflight, inFlight.length);
        for (const record of inFlight) assert.equal(record.state, "inflight");
      }
      for (;;) {
        const grant = scheduler.take();
        if (grant === undefined) break;
        world.grants.push(grant);
      }
      for (const record of world.records) {
        if (record.state !== "ready") continue;
        assert.equal(mayStart(world, record), false, `${record.destination} was left in line`);
        assert.ok(["limit", "paused"].includes(scheduler.reasonOf(record, 0).kind));
      }
    }),
    { numRuns: 300 },
  );
});
