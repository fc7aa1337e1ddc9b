/**
 * What an operator means, and sees, of the queue: walks over envelopes in both tiers, in
 * slices, so that a look at a million of them does not stop the mail.
 */
import { hex32At } from "#base/hex.ts";
import type { Clock } from "#base/ports/clock.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Target } from "#model/ipc/control-link.ts";
import { type EnvelopeRecord, envelopeOf, evpidOf, expiresAtMs } from "#engine/scheduler/record.ts";
import { type QueueContext, wallOffsetMs } from "./context.ts";
import { compileFilter, type EnvelopeFilter } from "./filter.ts";
import { idOf, isNamed, messageIdOf, mostOf } from "./meant.ts";
import type { QueuedEnvelope } from "./show.ts";

/** Envelopes in one slice: an order about them is one batch of the spool. */
const SLICE = 1000;
/** Envelopes that are looked at before other work has its turn: some 5 ms of it. */
const LOOKED_AT_ONCE = 2000;

export class Selection {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /**
   * What is meant, made as it is walked, which may take its time: in slices, which may be
   * empty. Between two of them other work has its turn.
   */
  async *envelopes(target: Target): AsyncGenerator<readonly QueuedEnvelope[]> {
    for await (const records of this.records(target)) {
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
    for await (const records of this.records(target)) count += records.length;
    return count;
  }

  /** The text of a message in the queue, by its id or that of one of its envelopes. */
  text(id: string): MessageText | undefined {
    const msgid = messageIdOf(id);
    if (msgid === undefined || this.#named(id, undefined).length === 0) return undefined;
    return this.#context.spool.text(msgid);
  }

  /** As `envelopes`, as they are now; those that sleep are copies, and say what they would be awake. */
  async *records(target: Target): AsyncGenerator<readonly EnvelopeRecord[]> {
    const filter = target.kind === "matching" ? compileFilter(target.filter) : undefined;
    let left = mostOf(target);
    let slice: EnvelopeRecord[] = [];
    let lookedAt = 0;
    for (const record of this.#candidates(target, filter?.domains)) {
      if (left === 0) break;
      lookedAt++;
      if (filter === undefined || this.#isMeant(record, filter)) {
        slice.push(record);
        left--;
      }
      if (slice.length < SLICE && lookedAt < LOOKED_AT_ONCE) continue;
      yield slice;
      slice = [];
      lookedAt = 0;
      await turn(this.#context.clock);
    }
    yield slice;
  }

  /** `domains`: if given, those that go there alone are meant. */
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
    const found = this.#look(hex32At(msgid), domains);
    return found.filter((record) => isNamed(evpidOf(record), id));
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
}

/** Lets other work have its turn. */
function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(0, resolve);
  });
}
