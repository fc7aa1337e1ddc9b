/**
 * What a dispatcher remembers of its attempts, so that the death of the queue makes no
 * second delivery.
 *
 * A new queue asks for each attempt of which its predecessor recorded no result. While
 * an attempt of the same envelope is under way, the new one waits for its end. An end
 * for good (delivered or failed) is the answer, and nothing is attempted; a deferral is
 * not remembered. The answer is never wrong: no two envelopes have the same evpid, and
 * a queue that has recorded a delivery or a failure does not ask for it again.
 */
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { Envelope } from "#model/envelope.ts";

export class AttemptMemory implements Carrier {
  readonly #carrier: Carrier;
  /** Ends that are remembered; up to twice as many are held. */
  #size: number;
  /** By evpid: the end of the attempt under way. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Ends for good, by evpid; a full map becomes `#older`, and what was there is forgotten. */
  #recent = new Map<string, DeliveryResult>();
  #older: ReadonlyMap<string, DeliveryResult> = new Map();

  /** `size`: what a queue may have under way, which is what it leaves unrecorded when it dies. */
  constructor(carrier: Carrier, size: number) {
    this.#carrier = carrier;
    this.#size = size;
  }

  takeUp(size: number): void {
    // What the queue has begun under the limit of before is still under way.
    this.#size = Math.max(this.#size, size);
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    // More than once: another that waited may have begun first.
    for (let ends = this.#endsOf(task); ends.length > 0; ends = this.#endsOf(task)) {
      await Promise.all(ends);
    }
    const known: DeliveryResult[] = [];
    const open: Envelope[] = [];
    for (const envelope of task.envelopes) {
      const { evpid } = envelope;
      const end = this.#recent.get(evpid) ?? this.#older.get(evpid);
      if (end === undefined) open.push(envelope);
      else known.push(end);
    }
    if (open.length === 0) return known;
    return [...known, ...(await this.#begin({ ...task, envelopes: open }))];
  }

  /** The ends of all attempts under way that are about envelopes of `task`. */
  #endsOf({ envelopes }: DeliveryTask): readonly Promise<void>[] {
    const ends: Promise<void>[] = [];
    for (const { evpid } of envelopes) {
      const end = this.#underWay.get(evpid);
      if (end !== undefined) ends.push(end);
    }
    return ends;
  }

  async #begin(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    for (const { evpid } of task.envelopes) this.#underWay.set(evpid, end);
    const results = await this.#carrier.attempt(task);
    for (const result of results) {
      // An agent may say anything, but of nobody's envelopes but its own.
      if (this.#underWay.get(result.evpid) === end) this.#remember(result);
    }
    for (const { evpid } of task.envelopes) this.#underWay.delete(evpid);
    resolve();
    return results;
  }

  #remember(result: DeliveryResult): void {
    if (result.outcome === "deferred") return;
    if (this.#recent.size >= this.#size) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(result.evpid, result);
  }
}
