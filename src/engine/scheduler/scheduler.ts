/**
 * The scheduler: which envelope is attempted next, and why each other one waits.
 *
 * Who is here is due, or under way: what waits for a time sleeps elsewhere (engine/sleepers).
 * Time is an argument, always of the monotonic clock, so that a jump of the wall clock
 * expires nothing. Promises: an envelope is in flight at most once; routes take turns, one
 * attempt each, so that a long queue does not starve a short one; higher priorities go
 * first without starving lower ones; no route stands in line at a gate that has room; each
 * call costs O(log n) in the number of envelopes, whatever the number of routes, but for
 * `takeUp`, which looks at each envelope once.
 *
 * Source: OpenSMTPD scheduler_ramqueue.c.
 */
import { Heap, OUTSIDE_HEAP } from "#base/heap.ts";
import { unreachable } from "#base/unreachable.ts";
import { BEGUN } from "#model/attempt-progress.ts";
import type { Action } from "#model/config/action.ts";
import { MAX_STRANDED_ACTIONS, type Stranded } from "#model/stranded.ts";
import type { Gate } from "./gate.ts";
import type { SchedulerLimits } from "./limits.ts";
import {
  type EnvelopeRecord,
  expiresAtMs,
  isHeld,
  type MessageRecord,
  type Plan,
} from "./record.ts";
import type { DueCount, Route } from "./route.ts";
import { RouteTable } from "./route-table.ts";
import { Turns } from "./turns.ts";
import { type DeliverySubsystem, reasonName, type WaitReason } from "./wait-reason.ts";

/** An envelope past its time that was found at start, or late, still gets one try within this time. */
export const LAST_CHANCE_MS = 600_000;

/** Leave to attempt: envelopes of one message on one route. Given back with `release`. */
export interface Grant {
  readonly route: Route;
  /** What the route last stood in line for, if it did: the name of a reason. */
  readonly waitedFor: string;
  readonly message: MessageRecord;
  readonly records: readonly EnvelopeRecord[];
  /** What it takes of each gate, under the limits that it was given by. */
  readonly places: number;
}

/** What a reload brings. */
export interface Configured {
  readonly actions: ReadonlyMap<string, Action>;
  readonly limits: SchedulerLimits;
}

/** What one turn found. */
export interface Due {
  /** State "recording": the caller ends them. */
  readonly expired: readonly EnvelopeRecord[];
  /** The turn was full, and more is due now. */
  readonly more: boolean;
}

export class Scheduler {
  /** What is in line, or stranded, by when it expires. */
  readonly #expiries = new Heap<EnvelopeRecord>();
  readonly #round = new Turns<Route>();
  readonly #table: RouteTable;
  #stranded = 0;
  /** Routes with envelopes asleep whose line has become shorter; who wakes those takes them out. */
  readonly hungry: Readonly<Record<DeliverySubsystem, Set<Route>>> = {
    mta: new Set(),
    mda: new Set(),
  };

  constructor(limits: SchedulerLimits, actions: ReadonlyMap<string, Action>) {
    this.#table = new RouteTable(limits, actions);
  }

  /** When `expire` has something to do; Infinity if never. */
  get nextExpiryMs(): number {
    return this.#expiries.first?.heapKey ?? Infinity;
  }

  /** Envelopes in flight, and being recorded after it. */
  get inflight(): number {
    return this.#table.inflight.inUse;
  }

  /** Envelopes that are due on routes, awake or asleep. */
  due(subsystem: DeliverySubsystem): Readonly<DueCount> {
    return this.#table.due[subsystem];
  }

  /** Envelopes that are due, awake, and have no action. */
  get stranded(): number {
    return this.#stranded;
  }

  /** How many of those on routes wait for what: names of reasons. */
  waits(): Iterable<readonly [reason: string, envelopes: number]> {
    return this.#table.waits();
  }

  /** Attempts under way. */
  running(subsystem: DeliverySubsystem): number {
    return this.#table.subsystems[subsystem].attempts;
  }

  get routeCount(): number {
    return this.#table.size;
  }

  routes(): Iterable<Route> {
    return this.#table.routes();
  }

  /** The route of an envelope, which counts it from now on; undefined: there is no action for it. */
  assign(record: EnvelopeRecord): Route | undefined {
    return this.#table.assign(record);
  }

  /** The route that such an envelope would have. One that gets none is to be given to `retire`. */
  routeFor(plan: Plan, destination: string): Route | undefined {
    const key = this.#table.keyOf(plan, destination);
    return key === undefined ? undefined : this.#table.route(key);
  }

  /** The route that such an envelope would have, if others go that way now. */
  knownRoute({ plan, destination }: EnvelopeRecord): Route | undefined {
    const key = this.#table.keyOf(plan, destination);
    return key === undefined ? undefined : this.#table.known(key);
  }

  /** Forgets a route that nothing uses. */
  retire(route: Route): void {
    this.#table.retire(route);
  }

  /** "": the configuration has no action for it. */
  routeName({ plan, destination }: EnvelopeRecord): string {
    return this.#table.keyOf(plan, destination)?.name ?? "";
  }

  /** Whether the configuration has an action for it. */
  canCarry(plan: Plan): boolean {
    return this.#table.keyOf(plan, "") !== undefined;
  }

  /**
   * Puts a due envelope in line; false if the configuration has no action for it, which
   * strands it. It expires where it stands, though not before `notBeforeMs`.
   */
  ready(record: EnvelopeRecord, notBeforeMs: number): boolean {
    this.#unlist(record);
    const route = this.#table.assign(record);
    this.#expiries.add(record, Math.max(notBeforeMs, expiresAtMs(record)));
    if (route === undefined) {
      record.state = "stranded";
      this.#stranded++;
      return false;
    }
    record.state = "ready";
    route.push(record);
    if (route.place === "idle") this.#join(route);
    else if (route.place === "round") this.#round.raise(route, route.level);
    else route.place.raise(route);
    return true;
  }

  /**
   * Takes other limits up. Binds `records`, all that there are, to other actions by name, and
   * says for which there is none. What is under way is bound when it comes back; what was stranded
   * and finds its action again is due now.
   */
  takeUp({ actions, limits }: Configured, records: Iterable<EnvelopeRecord>): Stranded {
    this.#table.takeUp(actions, limits);
    // There may be room for them now.
    for (const route of this.#table.routes()) {
      for (const gate of route.gates) this.#call(gate, gate.waiting);
    }
    let envelopes = 0;
    const gone = new Set<string>();
    for (const record of records) {
      this.#bind(record);
      if (record.state !== "stranded") continue;
      envelopes++;
      if (gone.size < MAX_STRANDED_ACTIONS) gone.add(record.plan.action);
    }
    return { envelopes, actions: [...gone] };
  }

  /** Takes an envelope that is not in flight out of the order, to be ended or put back by the caller. */
  withdraw(record: EnvelopeRecord): void {
    this.#unlist(record);
    record.state = "recording";
  }

  /** Forgets an envelope. */
  finish(record: EnvelopeRecord): void {
    this.#unlist(record);
    record.state = "gone";
    this.#table.unassign(record);
  }

  /** Takes out what has expired at `nowMs`: `max` envelopes at most. */
  expire(nowMs: number, max: number): Due {
    const expired: EnvelopeRecord[] = [];
    while (expired.length < max) {
      const record = this.#expiries.first;
      if (record === undefined || record.heapKey > nowMs) break;
      this.withdraw(record);
      expired.push(record);
    }
    return { expired, more: this.nextExpiryMs <= nowMs };
  }

  /** The next attempt to make; undefined if nothing is due that a limit does not hold back. */
  take(): Grant | undefined {
    for (;;) {
      const route = this.#round.shift();
      if (route === undefined) return undefined;
      route.place = "idle";
      const full = route.ready > 0 ? route.gates.find((gate) => !gate.hasRoom) : undefined;
      if (route.ready > 0 && full === undefined) return this.#grant(route);
      if (full === undefined) {
        this.#table.retire(route);
      } else {
        full.queue(route);
        route.place = full;
        route.waitsFor = reasonName(full.reason());
      }
      // It does not use the room for which it may have been called: the next in line may.
      for (const gate of route.gates) this.#call(gate, 1);
    }
  }

  /** Gives back the limits' room, when the grant's results are recorded. */
  release(grant: Grant): void {
    grant.route.underWay -= grant.records.length;
    this.#shortened(grant.route);
    for (const gate of grant.route.gates) {
      const count = this.#weight(gate, grant);
      gate.leave(count);
      this.#call(gate, count);
    }
    this.#table.retire(grant.route);
  }

  isPaused(subsystem: DeliverySubsystem): boolean {
    return this.#table.subsystems[subsystem].paused;
  }

  /** Attempts under way go on; expiry does too. False if it was so already. */
  pause(subsystem: DeliverySubsystem): boolean {
    const gate = this.#table.subsystems[subsystem];
    if (gate.paused) return false;
    gate.paused = true;
    return true;
  }

  resume(subsystem: DeliverySubsystem): boolean {
    const gate = this.#table.subsystems[subsystem];
    if (!gate.paused) return false;
    gate.paused = false;
    this.#call(gate, gate.waiting);
    return true;
  }

  /** `offsetMs`: what to add to a monotonic time for the wall clock's. */
  reasonOf(record: EnvelopeRecord, offsetMs: number): WaitReason {
    switch (record.state) {
      case "waiting":
        return this.#waitingReason(record, record.dueMs + offsetMs);
      case "ready":
        return this.#readyReason(record);
      case "stranded":
        return { kind: "no-action", action: record.plan.action };
      case "inflight":
        return { kind: "inflight", sinceMs: record.lastTryAtWallMs, ...BEGUN };
      case "suspended":
        return { kind: "suspended", by: "operator" };
      case "recording":
      case "gone":
        return { kind: "recording" };
      default:
        return unreachable(record.state);
    }
  }

  #waitingReason(record: EnvelopeRecord, untilMs: number): WaitReason {
    const { plan, lastWords } = record;
    if (!this.canCarry(plan)) return { kind: "no-action", action: plan.action };
    if (lastWords !== undefined && lastWords.limit !== "")
      return { kind: "limit", name: lastWords.limit, untilMs };
    return { kind: isHeld(record) ? "hold" : "retry", untilMs };
  }

  #readyReason({ route, plan }: EnvelopeRecord): WaitReason {
    if (route !== undefined && typeof route.place !== "string") return route.place.reason();
    const gate = this.#table.subsystems[plan.transport.kind];
    return gate.paused ? gate.reason() : { kind: "turn" };
  }

  /** Under a new configuration; others are bound when they are due. */
  #bind(record: EnvelopeRecord): void {
    switch (record.state) {
      case "ready":
      case "stranded":
        if (!this.#table.keeps(record)) this.ready(record, record.heapKey);
        return;
      case "waiting":
      case "suspended":
      case "inflight":
      case "recording":
      case "gone":
        return;
      default:
        unreachable(record.state);
    }
  }

  #grant(route: Route): Grant {
    const records = route.take();
    const first = records[0];
    if (first === undefined) throw new RangeError("Cannot grant: nothing was in line");
    for (const record of records) this.#expiries.remove(record);
    route.underWay += records.length;
    this.#shortened(route);
    const places = this.#table.placesOf(route.key);
    for (const gate of route.gates) gate.enter(this.#weight(gate, { records, places }));
    const { waitsFor } = route;
    if (route.ready > 0) this.#join(route);
    else if (route.asleep === 0) route.waitsFor = "turn";
    return { route, waitedFor: waitsFor, message: first.owner, records, places };
  }

  #weight(gate: Gate, { records, places }: Pick<Grant, "records" | "places">): number {
    return gate === this.#table.inflight ? records.length : places;
  }

  #join(route: Route): void {
    route.place = "round";
    this.#round.push(route, route.level);
  }

  /** Brings up to `count` routes from the gate's line into the round, if the gate has room. */
  #call(gate: Gate, count: number): void {
    if (!gate.hasRoom) return;
    for (let called = 0; called < count; called++) {
      const route = gate.next();
      if (route === undefined) return;
      this.#join(route);
    }
  }

  /** Out of the heap and out of its route's line. */
  #unlist(record: EnvelopeRecord): void {
    if (record.heapIndex !== OUTSIDE_HEAP) this.#expiries.remove(record);
    const { state, route } = record;
    if (state !== "ready" && state !== "stranded") return;
    record.state = "waiting";
    if (state === "stranded") this.#stranded--;
    if (state === "stranded" || route === undefined) return;
    route.leave();
    this.#shortened(route);
  }

  #shortened(route: Route): void {
    if (route.asleep > 0) this.hungry[route.key.subsystem].add(route);
  }
}
