/**
 * One life of a process: a clock whose timers, and a carrier whose attempts, end
 * with it. What an attempt does out there it still does; nobody hears of it.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";

export class ProcessLife {
  readonly clock: Clock;
  readonly carrier: Carrier;
  readonly #underWay = new Set<string>();
  #isAlive = true;

  constructor(clock: Clock, carrier: Carrier) {
    this.clock = {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, run) =>
        clock.after(delayMs, () => {
          if (this.#isAlive) run();
        }),
    };
    this.carrier = { attempt: (task) => this.#attempt(carrier, task) };
  }

  end(): void {
    this.#isAlive = false;
  }

  async #attempt(carrier: Carrier, task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    if (!this.#isAlive) return new Promise(() => undefined);
    for (const { evpid } of task.envelopes) {
      if (this.#underWay.has(evpid)) throw new Error(`${evpid} is attempted twice at once`);
      this.#underWay.add(evpid);
    }
    const results = await carrier.attempt(task);
    if (!this.#isAlive) return new Promise(() => undefined);
    for (const { evpid } of task.envelopes) this.#underWay.delete(evpid);
    return results;
  }
}
