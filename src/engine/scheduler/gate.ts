/**
 * A gate: lets routes through while there is room, and keeps the others in line.
 * Every limit is a gate, and so is a subsystem that can be paused.
 */
import { Fifo } from "./fifo.ts";
import type { Route } from "./route.ts";
import type { DeliverySubsystem, WaitReason } from "./wait-reason.ts";

export class Gate {
  readonly #name: string;
  readonly #max: number;
  /** Which subsystem's gate this is, if it is one that can be paused. */
  readonly #subsystem: DeliverySubsystem | undefined;
  readonly #line = new Fifo<Route>();
  #inUse = 0;
  #paused = false;

  constructor(name: string, max: number, subsystem?: DeliverySubsystem) {
    this.#name = name;
    this.#max = max;
    this.#subsystem = subsystem;
  }

  get hasRoom(): boolean {
    return !this.#paused && this.#inUse < this.#max;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Routes in line. */
  get waiting(): number {
    return this.#line.size;
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
    this.#line.push(route);
  }

  /** The route that has been in line longest, taken out of it. */
  next(): Route | undefined {
    return this.#line.shift();
  }

  /** Why what is in line here waits. */
  reason(): WaitReason {
    if (this.#paused && this.#subsystem !== undefined) {
      return { kind: "paused", subsystem: this.#subsystem };
    }
    return { kind: "limit", name: this.#name, max: this.#max };
  }
}
