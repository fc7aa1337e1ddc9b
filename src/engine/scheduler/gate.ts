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
  readonly max: (limits: SchedulerLimits) => number;
  readonly subsystem?: DeliverySubsystem;
}

/** Envelopes that are due on routes in line. */
export interface GateCount {
  envelopes: number;
}

export class Gate {
  /** All gates of one name share it. */
  readonly count: GateCount;
  readonly #name: string;
  readonly #maxOf: (limits: SchedulerLimits) => number;
  #max: number;
  /** Which subsystem's gate this is, if it is one that can be paused. */
  readonly #subsystem: DeliverySubsystem | undefined;
  readonly #turns = new Turns<Route>();
  #inUse = 0;
  #paused = false;

  constructor(kind: GateKind, limits: SchedulerLimits, count: GateCount) {
    this.count = count;
    this.#name = kind.name;
    this.#maxOf = kind.max;
    this.#max = kind.max(limits);
    this.#subsystem = kind.subsystem;
  }

  /** Has other limits from now on. What is under way beyond them goes on. */
  takeUp(limits: SchedulerLimits): void {
    this.#max = this.#maxOf(limits);
  }

  get hasRoom(): boolean {
    return !this.#paused && this.#inUse < this.#max;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Routes in line. */
  get waiting(): number {
    return this.#turns.size;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
  }

  enter(count: number): void {
    this.#inUse += count;
  }

  leave(count: number): void {
    this.#inUse -= count;
  }

  queue(route: Route): void {
    this.#turns.push(route, route.level);
  }

  /** Something of a higher level came to a route in line. */
  raise(route: Route): void {
    this.#turns.raise(route, route.level);
  }

  /** The route whose turn it is, taken out of the line. */
  next(): Route | undefined {
    return this.#turns.shift();
  }

  /** Why what is in line here waits. */
  reason(): WaitReason {
    if (this.#paused && this.#subsystem !== undefined) {
      return { kind: "paused", subsystem: this.#subsystem };
    }
    return { kind: "limit", name: this.#name, max: this.#max };
  }
}
