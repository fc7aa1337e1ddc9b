/**
 * A carrier that does what a test says, and remembers every attempt.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";

export type Answer = Partial<Omit<DeliveryResult, "evpid" | "outcome">> & {
  readonly outcome: DeliveryResult["outcome"] | "silent";
};

/** What becomes of an envelope in an attempt. */
export type Script = (envelope: Envelope, message: Message) => Answer;

export interface Attempt {
  readonly atMs: number;
  readonly message: Message;
  readonly envelopes: readonly Envelope[];
}

export class ScriptedCarrier implements Carrier {
  readonly #clock: Clock;
  readonly attempts: Attempt[] = [];
  /** Destinations that were delivered to, in order. */
  readonly delivered: string[] = [];
  script: Script = () => ({ outcome: "delivered" });
  /** How long an attempt takes. */
  takesMs = 0;
  /** While true, attempts wait; `release` ends them. */
  holds = false;
  /** Most attempts at once, ever. */
  peak = 0;
  #running = 0;
  readonly #held: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get running(): number {
    return this.#running;
  }

  /** Lets held attempts end, the first `count` of them. */
  release(count: number = Infinity): void {
    for (const end of this.#held.splice(0, count)) end();
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const { message, envelopes } = task;
    this.attempts.push({ atMs: this.#clock.monotonicMs(), message, envelopes });
    this.#running++;
    this.peak = Math.max(this.peak, this.#running);
    await this.#pass();
    const results = envelopes.flatMap((envelope) => this.#answer(envelope, message));
    this.#running--;
    return results;
  }

  async #pass(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.holds) this.#held.push(resolve);
      else if (this.takesMs > 0) this.#clock.after(this.takesMs, resolve);
      else resolve();
    });
  }

  #answer(envelope: Envelope, message: Message): readonly DeliveryResult[] {
    const answer = this.script(envelope, message);
    const { outcome, status, diagnostic = outcome, remote = "", held } = answer;
    if (outcome === "silent") return [];
    if (outcome === "delivered") this.delivered.push(envelope.destination);
    const plain = {
      delivered: "2.0.0",
      "handed-on": "2.0.0",
      deferred: "4.0.0",
      failed: "5.0.0",
      loop: "5.4.6",
    };
    const { evpid } = envelope;
    return [
      {
        evpid,
        outcome,
        status: status ?? plain[outcome],
        diagnostic,
        remote,
        ...(held && { held }),
      },
    ];
  }
}
