import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Action } from "#model/config/action.ts";
import type { Message } from "#model/envelope.ts";
import { commandAction, maildirAction, relayAction } from "#test/support/actions.ts";
import { queueLimits } from "#test/support/queue-limits.ts";
import { originOf } from "#test/support/letters.ts";
import { type EnvelopeRecord, MessageRecord, type Plan } from "./record.ts";
import { type Grant, Scheduler } from "./scheduler.ts";

const ACTIONS = new Map<string, Action>([
  ["out", relayAction("out")],
  ["local", maildirAction("local")],
  ["run", commandAction("run")],
]);

const ONLY_OUT = actionsNamed("out");
const ONLY_LOCAL = actionsNamed("local");

function actionsNamed(wanted: string): ReadonlyMap<string, Action> {
  return new Map([...ACTIONS].filter(([name]) => name === wanted));
}

const MAX = {
  maxInflight: 8,
  maxConnPerRelay: 2,
  maxSession: 3,
  maxSessionPerUser: 2,
  maxMailPerSession: 2,
};
const LIMITS = queueLimits(MAX);

/** Envelopes of one message, accepted at 0. A destination without a domain is local. */
function envelopes(
  number: number,
  destinations: readonly string[],
  ttlMs: number = 1e9,
): readonly EnvelopeRecord[] {
  const message: Message = {
    msgid: number.toString(16).padStart(8, "0"),
    acceptedAtMs: 0,
    reversePath: "",
    origin: originOf("", ""),
    textBytes: 0,
    is8bit: false,
    terms: undefined,
  };
  const planned = destinations.map((destination, at) => {
    const isLocal = !destination.includes("@");
    const plan: Plan = {
      action: isLocal ? (destination.startsWith("run-") ? "run" : "local") : "out",
      transport: isLocal
        ? { kind: "mda", user: destination.replace("run-", ""), extension: "" }
        : { kind: "mta" },
      rule: "",
      trail: [],
      ttlMs,
    };
    const evpid = message.msgid + (at + 1).toString(16).padStart(8, "0");
    return [
      { ...plan, evpid, forwardPath: destination, terms: undefined, destination },
      plan,
    ] as const;
  });
  return new MessageRecord(message, 0, planned).envelopes;
}

function lineUp(scheduler: Scheduler, records: readonly EnvelopeRecord[]): void {
  for (const record of records) scheduler.ready(record, 0);
}

test("Routes take turns, whatever the length of their lines", () => {
  const scheduler = new Scheduler(queueLimits({ ...MAX, maxInflight: 1 }), ACTIONS);
  const domains = ["a", "a", "a", "b", "b", "c"];
  for (const [at, domain] of domains.entries()) {
    lineUp(scheduler, envelopes(at, [`x@${domain}`]));
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

/** As engine/queue lays an envelope down, though that makes another record of it later. */
function layDown(
  scheduler: Scheduler,
  record: EnvelopeRecord,
  state: "waiting" | "suspended",
): void {
  scheduler.finish(record);
  record.state = state;
}

test("What expires in line is reported instead of tried, so many at a time", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const soon = envelopes(1, ["x@a", "y@b"], 100);
  const late = envelopes(2, ["x@b"], 1000);
  lineUp(scheduler, [...soon, ...late]);
  assert.equal(scheduler.nextExpiryMs, 100);
  assert.deepEqual(scheduler.expire(99, 10), { expired: [], more: false });
  const [first, second] = [scheduler.expire(400, 1), scheduler.expire(400, 1)];
  assert.deepEqual([first.more, second.more], [true, false]);
  assert.deepEqual(new Set([...first.expired, ...second.expired]), new Set(soon));
  assert.equal(scheduler.nextExpiryMs, 1000);
  assert.deepEqual(scheduler.take()?.records, late);
  assert.equal(scheduler.nextExpiryMs, Infinity);
});

test("An envelope that leaves its line and comes back is attempted once", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const records = envelopes(1, ["x@a", "y@a"]);
  lineUp(scheduler, records);
  const first = records.slice(0, 1);
  for (const record of first) {
    layDown(scheduler, record, "suspended");
    assert.deepEqual(scheduler.reasonOf(record, 0), { kind: "suspended", by: "operator" });
  }
  lineUp(scheduler, first);
  assert.deepEqual(scheduler.take()?.records, records);
  assert.equal(scheduler.take(), undefined);
});

test("Under other actions what waits is stranded or goes on, and what is under way is bound when it comes back", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const [under] = envelopes(1, ["x@a"]);
  const [due] = envelopes(2, ["x@b"]);
  const [later] = envelopes(3, ["bob"]);
  assert.ok(under !== undefined && due !== undefined && later !== undefined);
  const all = [under, due, later];
  lineUp(scheduler, [under]);
  const grant = scheduler.take();
  assert.ok(grant !== undefined);
  lineUp(scheduler, [due]);
  later.dueMs = 500;

  const gone = scheduler.takeUp({ actions: ONLY_LOCAL, limits: LIMITS }, all);
  assert.deepEqual(gone, { envelopes: 1, actions: ["out"] });
  assert.deepEqual(scheduler.reasonOf(due, 0), { kind: "no-action", action: "out" });
  assert.deepEqual(scheduler.reasonOf(later, 0), { kind: "retry", untilMs: 500 });
  scheduler.release(grant);
  lineUp(scheduler, [under]);
  assert.deepEqual(scheduler.reasonOf(under, 0), { kind: "no-action", action: "out" });
  assert.equal(scheduler.take(), undefined);

  assert.deepEqual(scheduler.takeUp({ actions: ACTIONS, limits: LIMITS }, all), {
    envelopes: 0,
    actions: [],
  });
  assert.deepEqual([scheduler.take()?.records, scheduler.take()?.records], [[under], [due]]);
  assert.deepEqual(scheduler.reasonOf(later, 0), { kind: "retry", untilMs: 500 });
});

test("What is stranded expires, and not before a try that it was promised", () => {
  const scheduler = new Scheduler(LIMITS, ACTIONS);
  const records = envelopes(1, ["x@a"], 100);
  for (const record of records) scheduler.ready(record, 600);
  scheduler.takeUp({ actions: new Map(), limits: LIMITS }, records);
  assert.deepEqual(scheduler.expire(599, 10).expired, []);
  assert.deepEqual(scheduler.expire(600, 10).expired, records);
});

interface World {
  readonly scheduler: Scheduler;
  readonly records: EnvelopeRecord[];
  readonly grants: Grant[];
  actions: ReadonlyMap<string, Action>;
  nowMs: number;
}

/** What can happen to a scheduler; each is harmless where it does not apply. */
const STEPS: Readonly<Record<string, (world: World, pick: number) => void>> = {
  accept({ scheduler, records }, pick) {
    const from = pick % 6;
    const all = ["x@a", "y@a", "x@b", "bob", "run-bob", "carol"];
    const destinations = all.slice(from, from + 2);
    const added = envelopes(records.length + 1, destinations, 1000 + pick);
    records.push(...added);
    lineUp(scheduler, added);
  },
  take({ scheduler, grants }) {
    const grant = scheduler.take();
    if (grant !== undefined) grants.push(grant);
  },
  defer({ scheduler, grants }, pick) {
    const [grant] = grants.splice(pick % Math.max(1, grants.length), 1);
    if (grant === undefined) return;
    scheduler.release(grant);
    for (const record of grant.records) layDown(scheduler, record, "waiting");
  },
  wake({ scheduler, records }, pick) {
    const record = records[pick % Math.max(1, records.length)];
    if (record?.state === "waiting") scheduler.ready(record, 0);
  },
  finish({ scheduler, grants }, pick) {
    const [grant] = grants.splice(pick % Math.max(1, grants.length), 1);
    if (grant === undefined) return;
    scheduler.release(grant);
    for (const record of grant.records) scheduler.finish(record);
  },
  pass(world, pick) {
    world.nowMs += pick;
    for (const record of world.scheduler.expire(world.nowMs, 3).expired) {
      world.scheduler.finish(record);
    }
  },
  suspend({ scheduler, records }, pick) {
    const record = records[pick % Math.max(1, records.length)];
    if (record?.state === "ready") layDown(scheduler, record, "suspended");
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
  reload(world, pick) {
    world.actions = CONFIGURATIONS[pick % CONFIGURATIONS.length] ?? ACTIONS;
    world.scheduler.takeUp({ actions: world.actions, limits: LIMITS }, world.records);
  },
};

/** Actions that a reload brings: all, none, one of two. */
const CONFIGURATIONS: readonly ReadonlyMap<string, Action>[] = [
  ACTIONS,
  new Map(),
  ONLY_OUT,
  ONLY_LOCAL,
];

/** Without more of these the limits would seldom be reached. */
const FREQUENT = ["accept", "accept", "take", "take", "take", "finish", "defer"];

/** How many attempts under way fit `matches`. */
function running(grants: readonly Grant[], matches: (grant: Grant) => boolean): number {
  return grants.filter(matches).length;
}

const isMaildir = ({ route }: Grant): boolean => route.key.name.startsWith("maildir ");

/** Sessions that those take which fit `matches`: a Maildir's share one. */
function sessions(grants: readonly Grant[], matches: (grant: Grant) => boolean): number {
  const fitting = grants.filter(matches);
  const shared = running(fitting, isMaildir) / MAX.maxMailPerSession;
  return shared + running(fitting, (grant) => !isMaildir(grant));
}

const PARTLY_USED = 1 - 1 / MAX.maxMailPerSession;
const isLocal = ({ route }: Grant): boolean => route.key.subsystem === "mda";
const isCommand = ({ route }: Grant): boolean => route.key.name.startsWith("mda ");

/** Whether the limits, counted anew, would let an attempt on the route of `record` start. */
function mayStart({ scheduler, grants }: World, record: EnvelopeRecord): boolean {
  const key = record.route?.key;
  if (key === undefined || scheduler.isPaused(key.subsystem)) return false;
  if (grants.flatMap((grant) => grant.records).length >= MAX.maxInflight) return false;
  if (key.subsystem === "mta") {
    return running(grants, (grant) => grant.route === record.route) < MAX.maxConnPerRelay;
  }
  return (
    sessions(grants, (grant) => grant.route.key.subsystem === "mda") < MAX.maxSession &&
    sessions(grants, (grant) => grant.route.key.user === key.user) < MAX.maxSessionPerUser
  );
}

test("Whatever happens, limits hold, nothing is in flight twice, and nothing that may start is left in line", () => {
  const step = fc.tuple(fc.constantFrom(...FREQUENT, ...Object.keys(STEPS)), fc.nat(500));
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 200, size: "max" }), (steps) => {
      const scheduler = new Scheduler(LIMITS, ACTIONS);
      const world: World = { scheduler, records: [], grants: [], actions: ACTIONS, nowMs: 0 };
      for (const [name, pick] of steps) {
        STEPS[name]?.(world, pick);
        const inFlight = world.grants.flatMap((grant) => grant.records);
        assert.equal(new Set(inFlight).size, inFlight.length);
        assert.equal(scheduler.inflight, inFlight.length);
        for (const record of inFlight) assert.equal(record.state, "inflight");
        // The last one may share what is left of a session, of which it is then no part.
        assert.ok(sessions(world.grants, isLocal) <= MAX.maxSession + PARTLY_USED);
        assert.ok(running(world.grants, isCommand) <= MAX.maxSession);
      }
      for (;;) {
        const grant = scheduler.take();
        if (grant === undefined) break;
        world.grants.push(grant);
      }
      for (const record of world.records) {
        const hasAction = world.actions.has(record.plan.action);
        assert.ok(record.state !== (hasAction ? "stranded" : "ready"), record.state);
        if (record.state !== "ready") continue;
        assert.equal(mayStart(world, record), false, `${record.destination} was left in line`);
        assert.ok(["limit", "paused"].includes(scheduler.reasonOf(record, 0).kind));
      }
    }),
    { numRuns: 300 },
  );
});
