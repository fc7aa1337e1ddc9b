/**
 * What an operator sees of the queue and does to it: smtpctl(8).
 *
 * Orders are durable when they are answered. They run in slices, so that an order
 * about a million envelopes does not stop the mail. An envelope in flight is
 * neither stopped nor tried twice: `remove` and `suspend` wait for its result and
 * count unless it was delivered. Unlike OpenSMTPD, `schedule` leaves a suspended
 * envelope alone.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";
import {
  type EnvelopeRecord,
  envelopeOf,
  evpidOf,
  expiresAtMs,
  type MessageRecord,
} from "#engine/scheduler/record.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { compileFilter, type EnvelopeFilter } from "./filter.ts";
import { delayMs, type QueueContext, wallOffsetMs } from "./context.ts";
import { isNamed, messageIdOf } from "./queue-index.ts";
import type { QueuedEnvelope } from "./show.ts";

/** Envelopes whose change is one batch of the spool. */
const ORDER_BATCH = 1000;
/** Envelopes that are looked at before other work has its turn: some 5 ms of it. */
const LOOKED_AT_ONCE = 2000;

export class Operations {
  readonly #context: QueueContext;
  readonly #wake: () => void;

  constructor(context: QueueContext, wake: () => void) {
    this.#context = context;
    this.#wake = wake;
  }

  /**
   * What is meant, made as it is walked, which may take its time: in slices, which may be
   * empty. Between two of them other work has its turn.
   */
  async *envelopes(target: Target): AsyncGenerator<readonly QueuedEnvelope[]> {
    for await (const records of this.#select(target)) {
      yield records.filter(({ state }) => state !== "gone").map((record) => this.#view(record));
    }
  }

  envelope(evpid: string): QueuedEnvelope | undefined {
    const [record] = this.#named(evpid, undefined);
    return record === undefined || evpidOf(record) !== evpid ? undefined : this.#view(record);
  }

  /** How many there are; of everything without a look at each. */
  async count(target: Target): Promise<number> {
    if (target.kind === "all") return this.#context.index.envelopeCount;
    let count = 0;
    for await (const records of this.#select(target)) count += records.length;
    return count;
  }

  /** The text of a message in the queue, by its id or that of one of its envelopes. */
  text(id: string): MessageText | undefined {
    const msgid = messageIdOf(id);
    if (msgid === undefined || this.#named(id, undefined).length === 0) return undefined;
    return this.#context.spool.text(msgid);
  }

  /** Makes what waits for its next try due now; says how many. */
  async schedule(target: Target): Promise<number> {
    const { scheduler, tiers, clock, observe } = this.#context;
    let count = 0;
    for await (const seen of this.#select(target)) {
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
    for await (const seen of this.#select(target)) {
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

  /** Stops or goes on trying envelopes; says how many that changed. */
  async suspend(target: Target, suspended: boolean): Promise<number> {
    const { tiers } = this.#context;
    let count = 0;
    for await (const seen of this.#select(target)) {
      const changed = seen.filter((record) => canSuspend(record, suspended));
      if (changed.length === 0) continue;
      const stored = await this.#commit(
        changed.map((record) => ({
          kind: "held",
          evpid: evpidOf(record),
          atMs: this.#stamp(),
          held: suspended,
        })),
      );
      if (!stored) continue;
      count += changed.length;
      const order = suspended ? "paused" : "resumed";
      this.#context.observe({ kind: "ordered", evpids: changed.map(evpidOf), order });
      // What was seen may have woken, or gone, meanwhile.
      const roused = tiers.rouse(changed);
      for (const record of roused) this.#setSuspended(record, suspended);
      tiers.lieDown(ownersOf(roused));
      this.#wake();
    }
    return count;
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
    const { scheduler, tiers, index, clock, observe } = this.#context;
    const wereSuspended = new Set(records.filter((record) => record.state === "suspended"));
    for (const record of records) scheduler.withdraw(record);
    tiers.lieDown(owners);
    if (records.length === 0) return 0;
    const stored = await this.#commit(
      records.map((record) => ({ kind: "removed", evpid: evpidOf(record), atMs: this.#stamp() })),
    );
    for (const record of records) {
      record.afterwards = "retry";
      if (stored) {
        scheduler.finish(record);
        index.remove(record);
        observe({
          kind: "removed",
          message: record.owner.message,
          envelope: envelopeOf(record),
          delayMs: delayMs(clock, record),
          diagnostic: "Removed by operator",
        });
      } else if (wereSuspended.has(record)) record.state = "suspended";
      else this.#makeDue(record);
    }
    if (!stored) tiers.lieDown(owners);
    return stored ? records.length : 0;
  }

  #setSuspended(record: EnvelopeRecord, suspended: boolean): void {
    // `remove` may have come while this was being stored.
    if (record.state === "gone" || record.afterwards === "remove") return;
    if (isUnderWay(record)) record.afterwards = suspended ? "suspend" : "retry";
    else if (suspended) {
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

  /** Lists of at most ORDER_BATCH. */
  async *#select(target: Target): AsyncGenerator<readonly EnvelopeRecord[]> {
    const filter = target.kind === "matching" ? compileFilter(target.filter) : undefined;
    let left = (target.kind === "matching" ? target.limit : undefined) ?? Number.POSITIVE_INFINITY;
    let slice: EnvelopeRecord[] = [];
    let lookedAt = 0;
    for (const record of this.#candidates(target, filter?.domains)) {
      if (left === 0) break;
      lookedAt++;
      if (filter === undefined || this.#isMeant(record, filter)) {
        slice.push(record);
        left--;
      }
      if (slice.length < ORDER_BATCH && lookedAt < LOOKED_AT_ONCE) continue;
      yield slice;
      slice = [];
      lookedAt = 0;
      await turn(this.#context.clock);
    }
    yield slice;
  }

  /** Envelopes as they are now; those that sleep are copies. `domains`: if given, those that go there alone are meant. */
  *#candidates(target: Target, domains: readonly string[] | undefined): Generator<EnvelopeRecord> {
    const id = idOf(target);
    if (id !== undefined) {
      yield* this.#named(id, domains);
      return;
    }
    // What comes in meanwhile is not meant, and would keep the walk from ending.
    for (const each of this.#context.index.msgids(domains)) yield* this.#look(each, domains);
  }

  /** The envelope, or those of the message, with this id. */
  #named(id: string, domains: readonly string[] | undefined): readonly EnvelopeRecord[] {
    const msgid = messageIdOf(id);
    if (msgid === undefined) return [];
    const found = this.#look(Number.parseInt(msgid, 16), domains);
    return found.filter((record) => isNamed(record, id));
  }

  #look(msgid: number, domains: readonly string[] | undefined): readonly EnvelopeRecord[] {
    const found = this.#context.index.look(msgid, domains);
    for (const record of found) this.#context.tiers.show(record);
    return found;
  }

  #isMeant(record: EnvelopeRecord, filter: EnvelopeFilter): boolean {
    return (
      record.state !== "gone" &&
      filter.mayGoTo(domainOf(record.destination)) &&
      filter.matches(this.#view(record), this.#context.clock.wallMs())
    );
  }

  #view(record: EnvelopeRecord): QueuedEnvelope {
    const offsetMs = wallOffsetMs(this.#context.clock);
    return {
      message: record.owner.message,
      envelope: envelopeOf(record),
      reason: this.#context.scheduler.reasonOf(record, offsetMs),
      retryCount: record.retryCount,
      lastTryAtMs: record.lastTryAtWallMs,
      expiresAtMs: expiresAtMs(record) + offsetMs,
      lastError: record.lastWords?.diagnostic ?? "",
      route: this.#context.scheduler.routeName(record),
    };
  }

  #stamp(): number {
    return Math.max(0, Math.round(this.#context.clock.wallMs()));
  }
}

/** With the carrier, or on its way to the disk: its fate is decided there. */
function isUnderWay(record: EnvelopeRecord): boolean {
  return record.state === "inflight" || record.state === "recording";
}

function canSuspend(record: EnvelopeRecord, suspended: boolean): boolean {
  if (record.state === "gone" || record.afterwards === "remove") return false;
  const isSuspended = record.state === "suspended" || record.afterwards === "suspend";
  return isSuspended !== suspended;
}

function ownersOf(records: readonly EnvelopeRecord[]): ReadonlySet<MessageRecord> {
  return new Set(records.map(({ owner }) => owner));
}

/** Lets other work have its turn. */
function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(0, resolve);
  });
}

function idOf(target: Target): string | undefined {
  switch (target.kind) {
    case "all":
      return undefined;
    case "id":
      return target.id;
    case "matching":
      return target.within;
    default:
      return unreachable(target);
  }
}
