/**
 * Everything that is in the queue, by msgid. Owns the records; what many of them
 * have in common is kept once.
 */
import type { Envelope, Message, Origin } from "#model/envelope.ts";
import { EVPID_DIGITS, MSGID_DIGITS, msgidOf } from "#model/ids.ts";
import {
  type EnvelopeRecord,
  evpidOf,
  type LastWords,
  MessageRecord,
  type Plan,
} from "#engine/scheduler/record.ts";
import { Interner } from "./interner.ts";

export class QueueIndex {
  readonly #messages = new Map<string, MessageRecord>();
  readonly #plans = new Interner<Plan>();
  readonly #origins = new Interner<Origin>();
  readonly #words = new Interner<LastWords>();
  #envelopeCount = 0;

  get messageCount(): number {
    return this.#messages.size;
  }

  get envelopeCount(): number {
    return this.#envelopeCount;
  }

  has(msgid: string): boolean {
    return this.#messages.has(msgid);
  }

  message(msgid: string): MessageRecord | undefined {
    return this.#messages.get(msgid);
  }

  envelope(evpid: string): EnvelopeRecord | undefined {
    return this.#messages.get(msgidOf(evpid))?.envelopes.find((each) => evpidOf(each) === evpid);
  }

  /** Oldest first; may be walked while messages come and go. */
  messages(): IterableIterator<MessageRecord> {
    return this.#messages.values();
  }

  /** Of all messages; may not be walked while they come and go. */
  *envelopes(): Generator<EnvelopeRecord> {
    for (const { envelopes } of this.#messages.values()) yield* envelopes;
  }

  /** The message or envelope of that id, as a list of envelopes that does not change. */
  select(id: string): readonly EnvelopeRecord[] {
    if (id.length === MSGID_DIGITS) return [...(this.#messages.get(id)?.envelopes ?? [])];
    const found = id.length === EVPID_DIGITS ? this.envelope(id) : undefined;
    return found === undefined ? [] : [found];
  }

  /** `acceptedAtMs` is on the monotonic clock. */
  add(message: Message, envelopes: readonly Envelope[], acceptedAtMs: number): MessageRecord {
    const planned = envelopes.map((envelope) => [envelope, this.#plan(envelope)] as const);
    const record = new MessageRecord(message, acceptedAtMs, planned);
    this.#envelopeCount += envelopes.length;
    this.#messages.set(message.msgid, record);
    return record;
  }

  /** Forgets an envelope, and its message with the last one. */
  remove(record: EnvelopeRecord): void {
    const { envelopes, message } = record.owner;
    const last = envelopes.pop();
    if (last !== undefined && last !== record) {
      envelopes[record.slot] = last;
      last.slot = record.slot;
    }
    this.#envelopeCount--;
    if (envelopes.length === 0) this.#messages.delete(message.msgid);
  }

  /** The same words as one object. */
  words(words: LastWords): LastWords {
    return this.#words.intern(`${words.status}\0${words.remote}\0${words.diagnostic}`, words);
  }

  /** Makes a message that stays for a while share what it can with others. */
  compact(record: MessageRecord): void {
    const { origin } = record.message;
    const { kind, address, hostname, helo, tag, username } = origin;
    const key = [kind, address, hostname, helo, tag, username].join("\0");
    const shared = this.#origins.intern(key, origin);
    if (shared !== origin) record.message = { ...record.message, origin: shared };
  }

  #plan({ action, transport, rule, trail, ttlMs }: Envelope): Plan {
    const account = transport.kind === "mda" ? `${transport.user}\0${transport.extension}` : "";
    let key = `${action}\0${transport.kind}\0${account}\0${rule}\0${ttlMs}`;
    for (const step of trail) key += `\0${step.by}\0${step.source}\0${step.key}\0${step.rule}`;
    return this.#plans.intern(key, { action, transport, rule, trail, ttlMs });
  }
}
