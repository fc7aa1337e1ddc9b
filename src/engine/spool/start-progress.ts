/**
 * Says, now and then, how far a start has come that takes long: whoever waits for it can tell
 * one that goes on from one that hangs.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Event, Observe } from "#model/events.ts";

/** Most starts take less, and say nothing. */
const EVERY_MS = 5000;

export type StartStep = Extract<Event, { readonly kind: "spool-progress" }>["step"];

export class StartProgress {
  readonly #clock: Clock;
  readonly #observe: Observe;
  #saidAtMs: number;

  constructor(clock: Clock, observe: Observe) {
    this.#clock = clock;
    this.#observe = observe;
    this.#saidAtMs = clock.monotonicMs();
  }

  /** So much of a step is done; called as often as there is something to say. */
  reached(step: StartStep, done: number, of: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < EVERY_MS) return;
    this.#saidAtMs = nowMs;
    this.#observe({ kind: "spool-progress", step, done, of });
  }
}
