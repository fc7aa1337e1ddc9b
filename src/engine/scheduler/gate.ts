/**
 * A gate: lets routes through while there is room, and keeps the others in line.
 * Every limit is a gate, and so is a subsystem that can be paused.
 */
import type { SchedulerLimits } from "./limits.ts";
import type { Route } from "./route.ts";
import { Turns } from "./turns.ts";
import type { DeliverySubsystem, WaitReason } from "./wait-reason.ts";

export interface GateKind {
  /** What a person knows it by. */
  readonly name: string;
  /** `domain`: that of the routes that it is for, if they have one. */
  readonly max: (limits: SchedulerLimits, domain: string | undefined) => number;
  /** Of each that the limit allows, where several attempts can share it; left out: 1. */
  readonly places?: (limits: SchedulerLimits) => number;
  readonly subsystem?: DeliverySubsystem;
}

/** Envelopes that are due on routes in line. */
export interface GateCount {
  envelopes: number;
}

export interface GateParts {
  readonly domain: string | undefined;
  readonly limits: SchedulerLimits;
  readonly count: GateCount;
}

export class Gate {
  /** All gates of one name share it. */
  readonly count: GateCount;
  readonly #kind: GateKind;
  readonly #domain: string | undefined;
  #max: number;
  /** Undefined until a route stands in line: most never have one. */
  #turns: Turns<Route> | undefined;
  /** Places that there are, and that are taken. */
  #room: number;
  #inUse = 0;
  #attempts = 0;
  #paused = false;

  constructor(kind: GateKind, { domain, limits, count }: GateParts) {
    this.count = count;
    this.#kind = kind;
    this.#domain = domain;
    this.#max = kind.max(limits, domain);
    this.#room = roomOf(kind, this.#max, limits);
  }

  /** Has other limits from now on. What is under way beyond them goes on. */
  takeUp(limits: SchedulerLimits): void {
    this.#max = this.#kind.max(limits, this.#domain);
    this.#room = roomOf(this.#kind, this.#max, limits);
  }

  /**
   * One place will do, also for who takes more: else it would wait for ever behind those that
   * take one. So of those that share nothing there are never more than the limit.
   */
  get hasRoom(): boolean {
    return !this.#paused && this.#inUse < this.#room;
  }

  /** Places. */
  get inUse(): number {
    return this.#inUse;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Routes in line. */
  get waiting(): number {
    return this.#turns?.size ?? 0;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
  }

  enter(places: number): void {
    this.#attempts++;
    this.#inUse += places;
  }

  leave(places: number): void {
    this.#attempts--;
    this.#inUse -= places;
  }

  queue(route: Route): void {
    this.#turns ??= new Turns();
    this.#turns.push(route, route.level);
  }

  /** Something of a higher level came to a route in line. */
  raise(route: Route): void {
    this.#turns?.raise(route, route.level);
  }

  /** The route whose turn it is, taken out of the line. */
  next(): Route | undefined {
    return this.#turns?.shift();
  }

  /** Why what is in line here waits. */
  reason(): WaitReason {
    const { name, subsystem } = this.#kind;
    if (this.#paused && subsystem !== undefined) return { kind: "paused", subsystem };
    return { kind: "limit", name, max: this.#max };
  }
}

function roomOf({ places }: GateKind, max: number, limits: SchedulerLimits): number {
  return places === undefined ? max : max * places(limits);
}
