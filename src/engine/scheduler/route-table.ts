/**
 * The routes in use and the gates that they share. A route exists while an
 * envelope in the queue goes its way; a user's gate while one of its routes does.
 */
import type { Action } from "#model/config/config.ts";
import { Gate } from "./gate.ts";
import type { SchedulerLimits } from "./limits.ts";
import type { EnvelopeRecord, Plan } from "./record.ts";
import { Route, type RouteKey, routeKeyOf } from "./route.ts";
import type { DeliverySubsystem } from "./wait-reason.ts";

interface UserGate {
  readonly gate: Gate;
  routes: number;
}

export class RouteTable {
  readonly #limits: SchedulerLimits;
  #actions: ReadonlyMap<string, Action>;
  /** Counts configurations: a route of an earlier one is looked at again before it is used. */
  #generation = 0;
  readonly #routes = new Map<string, Route>();
  readonly #users = new Map<string, UserGate>();
  /** Counts envelopes; every other gate counts attempts. */
  readonly inflight: Gate;
  readonly subsystems: Readonly<Record<DeliverySubsystem, Gate>>;

  constructor(limits: SchedulerLimits, actions: ReadonlyMap<string, Action>) {
    this.#limits = limits;
    this.#actions = actions;
    this.inflight = new Gate("scheduler max-inflight", limits.maxInflight);
    this.subsystems = {
      mta: new Gate("mta", Infinity, "mta"),
      mda: new Gate("mda max-session", limits.mdaMaxSession, "mda"),
    };
  }

  get size(): number {
    return this.#routes.size;
  }

  routes(): Iterable<Route> {
    return this.#routes.values();
  }

  /** Routes are those of other actions from now on. */
  takeUp(actions: ReadonlyMap<string, Action>): void {
    this.#actions = actions;
    this.#generation++;
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
    const { user } = route.key;
    if (user === undefined) return;
    const shared = this.#users.get(user);
    if (shared === undefined) return;
    shared.routes--;
    if (shared.routes === 0) this.#users.delete(user);
  }

  #open(key: RouteKey): Route {
    const route = new Route(key, [
      this.subsystems[key.subsystem],
      ...this.#ownGate(key),
      this.inflight,
    ]);
    this.#routes.set(key.name, route);
    return route;
  }

  #ownGate(key: RouteKey): readonly Gate[] {
    if (key.subsystem === "mta") {
      return [new Gate("mta max-conn-per-relay", this.#limits.mtaMaxPerRelay)];
    }
    if (key.user === undefined) return [];
    const known = this.#users.get(key.user);
    if (known !== undefined) {
      known.routes++;
      return [known.gate];
    }
    const gate = new Gate("mda max-session-per-user", this.#limits.mdaMaxSessionPerUser);
    this.#users.set(key.user, { gate, routes: 1 });
    return [gate];
  }
}
