/**
 * The routes in use and the gates that they share. A route exists while an
 * envelope in the queue goes its way; the gate of a user or a domain while one of its
 * routes does.
 */
import type { Action } from "#model/config/action.ts";
import { Gate, type GateCount, type GateKind } from "./gate.ts";
import { relayLimits, type SchedulerLimits, type TaskLimits } from "./limits.ts";
import type { EnvelopeRecord, Plan } from "./record.ts";
import { type DueCount, Route, type RouteKey, routeKeyOf } from "./route.ts";
import { DELIVERY_SUBSYSTEMS, type DeliverySubsystem } from "./wait-reason.ts";

/** What routes of different actions have in common. */
interface SharedGate {
  readonly gate: Gate;
  routes: number;
}

export class RouteTable {
  #limits: SchedulerLimits;
  #actions: ReadonlyMap<string, Action>;
  /** Counts configurations: a route of an earlier one is looked at again before it is used. */
  #generation = 0;
  readonly #routes = new Map<string, Route>();
  /** By the key of routes: that of users, and that of domains. */
  readonly #shared = { user: new Map<string, SharedGate>(), domain: new Map<string, SharedGate>() };
  readonly #atGates = new Map<GateKind, GateCount>();
  /** What is due on routes, awake or asleep. */
  readonly due: Readonly<Record<DeliverySubsystem, DueCount>> = {
    mta: { all: 0, asleep: 0, turn: 0 },
    mda: { all: 0, asleep: 0, turn: 0 },
  };
  /** Counts envelopes; every other gate counts attempts. */
  readonly inflight: Gate;
  readonly subsystems: Readonly<Record<DeliverySubsystem, Gate>>;

  constructor(limits: SchedulerLimits, actions: ReadonlyMap<string, Action>) {
    this.#limits = limits;
    this.#actions = actions;
    this.inflight = this.#gate(INFLIGHT, undefined);
    this.subsystems = { mta: this.#gate(MTA, undefined), mda: this.#gate(MDA, undefined) };
  }

  get size(): number {
    return this.#routes.size;
  }

  routes(): Iterable<Route> {
    return this.#routes.values();
  }

  /** What is due on routes, by what it waits for. */
  *waits(): Generator<readonly [reason: string, envelopes: number]> {
    yield ["turn", this.due.mta.turn + this.due.mda.turn];
    for (const subsystem of DELIVERY_SUBSYSTEMS) {
      const { paused, count } = this.subsystems[subsystem];
      yield [`paused ${subsystem}`, paused ? count.envelopes : 0];
    }
    for (const [kind, { envelopes }] of this.#atGates) {
      if (kind === MTA) continue;
      yield [`limit ${kind.name}`, kind === MDA && this.subsystems.mda.paused ? 0 : envelopes];
    }
  }

  /** Routes are those of other actions, under other limits, from now on. */
  takeUp(actions: ReadonlyMap<string, Action>, limits: SchedulerLimits): void {
    this.#actions = actions;
    this.#generation++;
    this.#limits = limits;
    for (const route of this.#routes.values()) {
      route.limits = this.#taskLimits(route.key);
      for (const gate of route.gates) gate.takeUp(limits);
    }
  }

  /** Gives an envelope its route; leaves it without one if the configuration has no action for it. */
  assign(record: EnvelopeRecord): Route | undefined {
    if (record.route !== undefined && this.#isCurrent(record, record.route)) return record.route;
    this.unassign(record);
    const key = this.#keyOf(record);
    if (key === undefined) return undefined;
    const route = this.route(key);
    route.generation = this.#generation;
    route.envelopes++;
    record.route = route;
    return route;
  }

  /** Whether `assign` would leave the envelope where it is. */
  keeps(record: EnvelopeRecord): boolean {
    return record.route !== undefined && this.#isCurrent(record, record.route);
  }

  /** Found out once for all envelopes of a route: they share what decides about it. */
  #isCurrent(record: EnvelopeRecord, route: Route): boolean {
    if (route.generation === this.#generation) return true;
    if (this.#keyOf(record)?.name !== route.key.name) return false;
    route.generation = this.#generation;
    return true;
  }

  #keyOf({ plan, destination }: EnvelopeRecord): RouteKey | undefined {
    return this.keyOf(plan, destination);
  }

  /** The way of an envelope; undefined if the configuration has no action for it. */
  keyOf(plan: Plan, destination: string): RouteKey | undefined {
    return routeKeyOf(plan, destination, this.#actions.get(plan.action));
  }

  known(key: RouteKey): Route | undefined {
    return this.#routes.get(key.name);
  }

  /** What an attempt on a route takes of each gate but `inflight`. */
  placesOf({ subsystem, session }: RouteKey): number {
    const isShared = subsystem === "mta" || session === "place";
    return isShared ? 1 : this.#limits.mdaLimits.maxMailPerSession;
  }

  /** The route with this key; what is not used is to be retired. */
  route(key: RouteKey): Route {
    return this.#routes.get(key.name) ?? this.#open(key);
  }

  /** Takes an envelope off its route. */
  unassign(record: EnvelopeRecord): void {
    const { route } = record;
    if (route === undefined) return;
    record.route = undefined;
    route.envelopes--;
    this.retire(route);
  }

  /** Forgets a route that nothing uses. */
  retire(route: Route): void {
    if (route.envelopes > 0 || route.asleep > 0 || route.place !== "idle") return;
    if (!this.#routes.delete(route.key.name)) return;
    this.#leaveShared("user", route.key);
    this.#leaveShared("domain", route.key);
  }

  #open(key: RouteKey): Route {
    const gates = [this.subsystems[key.subsystem]];
    if (key.subsystem === "mta") gates.push(this.#gate(RELAY, key.domain));
    this.#joinShared("domain", key, gates);
    this.#joinShared("user", key, gates);
    gates.push(this.inflight);
    const route = new Route(key, {
      gates,
      limits: this.#taskLimits(key),
      due: this.due[key.subsystem],
    });
    this.#routes.set(key.name, route);
    return route;
  }

  #gate(kind: GateKind, domain: string | undefined): Gate {
    let count = this.#atGates.get(kind);
    if (count === undefined) {
      count = { envelopes: 0 };
      this.#atGates.set(kind, count);
    }
    return new Gate(kind, { domain, limits: this.#limits, count });
  }

  #taskLimits({ subsystem, domain }: RouteKey): TaskLimits {
    return subsystem === "mta" ? relayLimits(this.#limits, domain) : this.#limits.mdaLimits;
  }

  #joinShared(by: "user" | "domain", key: RouteKey, gates: Gate[]): void {
    const name = key[by];
    if (name === undefined) return;
    let shared = this.#shared[by].get(name);
    if (shared === undefined) {
      shared = { gate: this.#gate(by === "user" ? USER : DOMAIN, key.domain), routes: 0 };
      this.#shared[by].set(name, shared);
    }
    shared.routes++;
    gates.push(shared.gate);
  }

  #leaveShared(by: "user" | "domain", key: RouteKey): void {
    const name = key[by];
    const shared = name === undefined ? undefined : this.#shared[by].get(name);
    if (name === undefined || shared === undefined) return;
    shared.routes--;
    if (shared.routes === 0) this.#shared[by].delete(name);
  }
}

const INFLIGHT: GateKind = {
  name: "scheduler max-inflight",
  max: ({ schedulerLimits }) => schedulerLimits.maxInflight,
};
const MTA: GateKind = { name: "mta", max: () => Infinity, subsystem: "mta" };
const MDA: GateKind = {
  name: "mda max-session",
  max: ({ mdaLimits }) => mdaLimits.maxSession,
  places: ({ mdaLimits }) => mdaLimits.maxMailPerSession,
  subsystem: "mda",
};
const USER: GateKind = {
  name: "mda max-session-per-user",
  max: ({ mdaLimits }) => mdaLimits.maxSessionPerUser,
  places: ({ mdaLimits }) => mdaLimits.maxMailPerSession,
};

const RELAY: GateKind = {
  name: "mta max-conn-per-relay",
  max: (limits, domain) => relayLimits(limits, domain).maxConnPerRelay,
};
const DOMAIN: GateKind = {
  name: "mta max-conn-per-domain",
  max: (limits, domain) => relayLimits(limits, domain).maxConnPerDomain,
};
