/**
 * What an operator does to the queue: smtpctl(8).
 *
 * Orders are durable when they are answered. They run in slices, so that an order
 * about a million envelopes does not stop the mail. An envelope in flight is
 * neither stopped nor tried twice: `remove` and `suspend` wait for its result and
 * count unless it was delivered. Unlike OpenSMTPD, `schedule` leaves a suspended
 * envelope alone.
 */
import { stampMs } from "#base/time/stamp.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { Order } from "#model/trace.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";
import { type EnvelopeRecord, evpidOf, type MessageRecord } from "#engine/scheduler/record.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { type QueueContext, tellRemoved } from "./context.ts";
import type { Selection } from "./selection.ts";

type HoldOrder = Extract<Order, "paused" | "resumed">;

export class Operations {
  readonly #context: QueueContext;
  readonly #selection: Selection;
  readonly #wake: () => void;

  constructor(context: QueueContext, selection: Selection, wake: () => void) {
    this.#context = context;
    this.#selection = selection;
    this.#wake = wake;
  }

  /** Makes what waits for its next try due now; says how many. */
  async schedule(target: Target): Promise<number> {
    const { scheduler, tiers, clock, observe } = this.#context;
    let count = 0;
    for await (const seen of this.#selection.records(target)) {
      const roused = tiers.rouse(seen.filter(({ state }) => state === "waiting"));
      const evpids: string[] = [];
      for (const record of roused) {
        if (record.state !== "waiting" || !scheduler.canCarry(record.plan)) continue;
        record.dueMs = clock.monotonicMs();
        evpids.push(evpidOf(record));
      }
      count += evpids.length;
      if (evpids.length > 0) observe({ kind: "ordered", evpids, order: "scheduled" });
      tiers.lieDown(ownersOf(roused));
      this.#wake();
    }
    return count;
  }

  /** Takes envelopes out of the queue with no word to the sender; says how many. */
  async remove(target: Target): Promise<number> {
    const { tiers } = this.#context;
    let count = 0;
    for await (const seen of this.#selection.records(target)) {
      const idle: EnvelopeRecord[] = [];
      const roused = tiers.rouse(seen);
      for (const record of roused) {
        // Another `remove` may have come first, and counts it.
        if (record.state === "gone" || record.afterwards === "remove") continue;
        record.afterwards = "remove";
        if (isUnderWay(record)) count++;
        else idle.push(record);
      }
      count += await this.#removeIdle(idle, ownersOf(roused));
      this.#wake();
    }
    return count;
  }

  /** Stops trying envelopes; says how many that changed. */
  suspend(target: Target): Promise<number> {
    return this.#hold(target, "paused");
  }

  /** Goes on trying envelopes; says how many that changed. */
  unsuspend(target: Target): Promise<number> {
    return this.#hold(target, "resumed");
  }

  /** False if it was paused already. */
  pause(subsystem: DeliverySubsystem): boolean {
    return this.#context.scheduler.pause(subsystem);
  }

  /** False if it was not paused. */
  resume(subsystem: DeliverySubsystem): boolean {
    const resumed = this.#context.scheduler.resume(subsystem);
    this.#wake();
    return resumed;
  }

  /** `owners` are of all that was roused. */
  async #removeIdle(
    records: readonly EnvelopeRecord[],
    owners: ReadonlySet<MessageRecord>,
  ): Promise<number> {
    const { scheduler, tiers, index, clock } = this.#context;
    const wereSuspended = new Set(records.filter((record) => record.state === "suspended"));
    for (const record of records) scheduler.withdraw(record);
    tiers.lieDown(owners);
    if (records.length === 0) return 0;
    const atMs = stampMs(clock.wallMs());
    const stored = await this.#commit(
      records.map((record) => ({ kind: "removed", evpid: evpidOf(record), atMs })),
    );
    for (const record of records) {
      record.afterwards = "retry";
      if (stored) {
        scheduler.finish(record);
        index.remove(record);
        tellRemoved(this.#context, record);
      } else if (wereSuspended.has(record)) record.state = "suspended";
      else this.#makeDue(record);
    }
    if (!stored) tiers.lieDown(owners);
    return stored ? records.length : 0;
  }

  async #hold(target: Target, order: HoldOrder): Promise<number> {
    const { tiers, clock, observe } = this.#context;
    let count = 0;
    for await (const seen of this.#selection.records(target)) {
      const changed = seen.filter((record) => wouldChange(record, order));
      if (changed.length === 0) continue;
      const evpids = changed.map(evpidOf);
      const atMs = stampMs(clock.wallMs());
      const stored = await this.#commit(
        evpids.map((evpid) => ({ kind: "held", evpid, atMs, held: order === "paused" })),
      );
      if (!stored) continue;
      count += changed.length;
      observe({ kind: "ordered", evpids, order });
      // What was seen may have woken, or gone, meanwhile.
      const roused = tiers.rouse(changed);
      for (const record of roused) this.#obey(record, order);
      tiers.lieDown(ownersOf(roused));
      this.#wake();
    }
    return count;
  }

  #obey(record: EnvelopeRecord, order: HoldOrder): void {
    // `remove` may have come while this was being stored.
    if (record.state === "gone" || record.afterwards === "remove") return;
    if (isUnderWay(record)) record.afterwards = order === "paused" ? "suspend" : "retry";
    else if (order === "paused") {
      this.#context.scheduler.withdraw(record);
      record.state = "suspended";
    } else this.#makeDue(record);
  }

  #makeDue(record: EnvelopeRecord): void {
    record.state = "waiting";
    record.dueMs = this.#context.clock.monotonicMs();
  }

  async #commit(entries: readonly SpoolEntry[]): Promise<boolean> {
    const outcome = await this.#context.spool.commit(entries);
    if (outcome === "durable") return true;
    const cause = `the spool says: ${outcome}`;
    this.#context.observe({ kind: "spool-trouble", what: "Cannot carry out an order", cause });
    return false;
  }
}

/** With the carrier, or on its way to the disk: its fate is decided there. */
function isUnderWay(record: EnvelopeRecord): boolean {
  return record.state === "inflight" || record.state === "recording";
}

function wouldChange(record: EnvelopeRecord, order: HoldOrder): boolean {
  if (record.state === "gone" || record.afterwards === "remove") return false;
  const isSuspended = record.state === "suspended" || record.afterwards === "suspend";
  return isSuspended !== (order === "paused");
}

function ownersOf(records: readonly EnvelopeRecord[]): ReadonlySet<MessageRecord> {
  return new Set(records.map(({ owner }) => owner));
}
