/**
 * Everything that is in the queue, by msgid, in two tiers: awake messages, whose envelopes
 * are objects, and sleepers, which are packed (engine/sleepers). Of one message some may be
 * awake and others asleep. What many that are awake have in common is kept once.
 *
 * Who is in which tier is decided in tiers.ts.
 */
import { hex32, hex32At } from "#base/hex.ts";
import { type EnvelopeRecord, MessageRecord, type Plan } from "#engine/scheduler/record.ts";
import type { Envelope, Message, Transport } from "#model/envelope.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { Sleepers } from "#engine/sleepers/sleepers.ts";
import { Interner } from "./interner.ts";

export class QueueIndex {
  readonly sleepers: Sleepers = new Sleepers();
  readonly #awake = new Map<string, MessageRecord>();
  readonly #awakeEnvelopes: Record<DeliverySubsystem, number> = { mta: 0, mda: 0 };
  readonly #plans = new Interner<Plan>();

  get messageCount(): number {
    let count = this.#awake.size + this.sleepers.messages;
    for (const msgid of this.#awake.keys()) if (this.sleepers.has(msgid)) count--;
    return count;
  }

  get envelopeCount(): number {
    const { mta, mda } = this.#awakeEnvelopes;
    return mta + mda + this.sleepers.envelopes;
  }

  /** Envelopes of a subsystem that are awake. */
  awake(subsystem: DeliverySubsystem): number {
    return this.#awakeEnvelopes[subsystem];
  }

  has(msgid: string): boolean {
    return this.#awake.has(msgid) || this.sleepers.has(msgid);
  }

  /** The message, if an envelope of it is awake. */
  message(msgid: string): MessageRecord | undefined {
    return this.#awake.get(msgid);
  }

  messageOf(id: number): MessageRecord | undefined {
    return this.#awake.get(hex32(id));
  }

  /** All that are awake; may not be walked while they come and go. */
  *envelopes(): Generator<EnvelopeRecord> {
    for (const { envelopes } of this.#awake.values()) yield* envelopes;
  }

  /** Records of a message that is not in the queue yet. `acceptedAtMs` is on the monotonic clock. */
  record(message: Message, envelopes: readonly Envelope[], acceptedAtMs: number): MessageRecord {
    const planned = envelopes.map((envelope) => [envelope, this.#plan(envelope)] as const);
    return new MessageRecord(message, acceptedAtMs, planned);
  }

  /** Takes a message in, awake. */
  add(owner: MessageRecord): void {
    this.#awake.set(owner.message.msgid, owner);
    for (const record of owner.envelopes) this.#awakeEnvelopes[record.plan.transport.kind]++;
  }

  /** Takes in envelopes of one message that were asleep. */
  join(owner: MessageRecord, records: readonly EnvelopeRecord[]): void {
    this.#awake.set(owner.message.msgid, owner);
    for (const record of records) {
      record.slot = owner.envelopes.length;
      owner.envelopes.push(record);
      this.#awakeEnvelopes[record.plan.transport.kind]++;
    }
  }

  /** Forgets an envelope that is awake, and its message with the last one. */
  remove(record: EnvelopeRecord): void {
    const { envelopes, message } = record.owner;
    const last = envelopes.pop();
    if (last !== undefined && last !== record) {
      envelopes[record.slot] = last;
      last.slot = record.slot;
    }
    this.#awakeEnvelopes[record.plan.transport.kind]--;
    if (envelopes.length === 0) this.#awake.delete(message.msgid);
  }

  /**
   * The ids of all messages, as of now; of those that sleep, only what may go to one of
   * `domains`, if any are given.
   */
  msgids(domains: readonly string[] | undefined): Uint32Array {
    const awake = new Set<number>();
    for (const msgid of this.#awake.keys()) awake.add(hex32At(msgid));
    const ids = new Uint32Array(awake.size + this.sleepers.messages);
    ids.set([...awake]);
    let length = awake.size;
    for (const id of this.sleepers.msgids(domains)) if (!awake.has(id)) ids[length++] = id;
    return ids.subarray(0, length);
  }

  /**
   * The envelopes of a message, in both tiers; those that sleep are copies, to be looked
   * at. Of those, only what may go to one of `domains`, if any are given.
   */
  look(id: number, domains: readonly string[] | undefined): readonly EnvelopeRecord[] {
    const found = this.messageOf(id)?.envelopes.slice() ?? [];
    for (const slot of this.sleepers.partsOf(id)) {
      if (domains !== undefined && !this.sleepers.mayGoTo(slot, domains)) continue;
      found.push(...this.sleepers.look(slot));
    }
    return found;
  }

  #plan({ action, transport, rule, trail, ttlMs }: Envelope): Plan {
    const account = transport.kind === "mda" ? accountKey(transport) : "";
    let key = `${action}\0${transport.kind}\0${account}\0${rule}\0${ttlMs}`;
    for (const step of trail) key += `\0${step.by}\0${step.source}\0${step.key}\0${step.rule}`;
    return this.#plans.intern(key, { action, transport, rule, trail, ttlMs });
  }
}

function accountKey({ user, extension, listed }: Transport & { readonly kind: "mda" }): string {
  const account = `${user}\0${extension}`;
  return listed === undefined ? account : `${account}\0${listed.kind}\0${listed.text}`;
}
