/**
 * Envelopes that wait, out of the way: packed, in parts, which are envelopes of one message
 * that go one way. About 160 bytes for an envelope that is alone, none of them an object.
 *
 * A part has a slot, which is its number while it is here; a time at which it is looked at;
 * and the domain that its envelopes go to, so that a walk passes over what is not meant
 * without unpacking it. Each step costs O(log n) at most. Memory is given back as parts
 * leave: their bytes soon, their slots when the last one has gone.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import { hex32At } from "#base/hex.ts";
import { domainOf } from "#protocols/mail/address.ts";
import {
  type EnvelopeRecord,
  expiresAtMs,
  isHeld,
  type MessageRecord,
  type Plan,
} from "#engine/scheduler/record.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { Column } from "./column.ts";
import { type Way, PartPacking } from "./packed-part.ts";
import { Pages } from "./pages.ts";
import { Parts } from "./parts.ts";
import { SlotHeap } from "./slot-heap.ts";

/** Envelopes in one part: as many as go in one attempt. */
const MAX_PART_ENVELOPES = 1000;
/** A part is closed when it has grown to this; the envelope with the longest names still fits a page. */
const FULL_PART_BYTES: number = 512 * 1024;

/** An action that sleeping envelopes are meant for, and how many, suspended ones apart. */
export interface ActionUse {
  readonly plan: Plan;
  waiting: number;
  suspended: number;
  /** Of those that wait, for a time that the client gave. */
  held: number;
}

/** The envelopes of a part that are held back. */
interface Held {
  readonly use: ActionUse;
  readonly envelopes: number;
}

export class Sleepers {
  readonly #packing = new PartPacking();
  readonly #pages = new Pages((slot, place) => this.#places.set(slot, place));
  readonly #parts = new Parts();
  readonly #wakeAt = new SlotHeap();
  readonly #places = new Column(Uint32Array);
  /** A hash of the domain of all envelopes of a part; MIXED where they have several. */
  readonly #domains = new Column(Uint32Array);
  readonly #scratch = new ByteWriter();
  /** Slots that were used before. */
  #freeSlots: number[] = [];
  #slots = 0;
  #envelopes = 0;
  #suspended = 0;
  /** By the name of the action. */
  readonly #actions: Readonly<Record<DeliverySubsystem, Map<string, ActionUse>>> = {
    mta: new Map(),
    mda: new Map(),
  };
  /** Slots of those that are held back, which few are, and how many are in each. */
  readonly #held = new Map<number, Held>();

  get envelopes(): number {
    return this.#envelopes;
  }

  get suspended(): number {
    return this.#suspended;
  }

  /** Messages that have an envelope here. */
  get messages(): number {
    return this.#parts.messages;
  }

  /** What all of this takes, but for the values that are shared. */
  get bytes(): number {
    const columns = this.#places.bytes + this.#domains.bytes;
    return this.#pages.bytes + this.#parts.bytes + this.#wakeAt.bytes + columns;
  }

  /** The actions that those who are here are meant for. */
  get actions(): readonly ActionUse[] {
    const { mta, mda } = this.#actions;
    return [...mta.values(), ...mda.values()];
  }

  has(msgid: string): boolean {
    return this.#parts.firstOf(hex32At(msgid)) !== 0;
  }

  /** The part that is looked at next; 0: there is none. */
  get first(): number {
    return this.#wakeAt.first;
  }

  /** When; Infinity if never. */
  get firstAtMs(): number {
    return this.#wakeAt.firstKey;
  }

  /**
   * Lays down envelopes of one message that go one way by the `configuration` of that number:
   * "waiting" until `dueMs`, or "suspended". Returns their slots, which are few unless they
   * are very many.
   */
  put(
    owner: MessageRecord,
    records: readonly EnvelopeRecord[],
    configuration: number,
  ): readonly number[] {
    if (records.length === 1) return [this.#lay(owner, records, configuration)];
    const slots: number[] = [];
    let from = 0;
    let bytes = 0;
    for (const [at, record] of records.entries()) {
      bytes += sizeAtMost(record);
      const length = at + 1 - from;
      if (length < MAX_PART_ENVELOPES && bytes < FULL_PART_BYTES && at + 1 < records.length) {
        continue;
      }
      slots.push(this.#lay(owner, records.slice(from, at + 1), configuration));
      from = at + 1;
      bytes = 0;
    }
    return slots;
  }

  /** Takes a part out; `known` is its message, if that is unpacked already. */
  take(slot: number, known: MessageRecord | undefined): readonly EnvelopeRecord[] {
    const place = this.#places.get(slot);
    const id = this.#parts.idOf(slot);
    const records = this.#packing.read(this.#pages.read(place), id, "take", known);
    this.#pages.free(place);
    this.#parts.remove(slot);
    this.#wakeAt.remove(slot);
    this.#count(records, -1);
    this.holdIsOver(slot);
    this.#freeSlots.push(slot);
    if (this.#envelopes === 0) this.#clear();
    return records;
  }

  /** A copy of what a part holds: to be looked at, nothing more. */
  look(slot: number): readonly EnvelopeRecord[] {
    const id = this.#parts.idOf(slot);
    const reader = this.#pages.read(this.#places.get(slot));
    return this.#packing.read(reader, id, "look", undefined);
  }

  /** Where a part goes. */
  way(slot: number): Way {
    return this.#packing.way(this.#pages.read(this.#places.get(slot)));
  }

  /** Has a part looked at then. */
  wakeAt(slot: number, atMs: number): void {
    this.#wakeAt.update(slot, atMs);
  }

  /** The time has come for which a part was held back, if it was. */
  holdIsOver(slot: number): void {
    const held = this.#held.get(slot);
    if (held === undefined) return;
    held.use.held -= held.envelopes;
    this.#held.delete(slot);
  }

  msgidOf(slot: number): number {
    return this.#parts.idOf(slot);
  }

  /** The parts of a message. */
  *partsOf(id: number): Generator<number> {
    // Read before it is given out, as it may be taken.
    for (let slot = this.#parts.firstOf(id); slot !== 0; ) {
      const next = this.#parts.after(slot);
      yield slot;
      slot = next;
    }
  }

  /** The msgids of all messages here; of those alone that may go to one of `domains`, if any are given. */
  *msgids(domains: readonly string[] | undefined): Generator<number> {
    if (domains === undefined) {
      yield* this.#parts.allIds();
      return;
    }
    const wanted = new Set([MIXED, ...domains.map(hashOf)]);
    for (let slot = 1; slot <= this.#slots; slot++) {
      if (!wanted.has(this.#domains.get(slot))) continue;
      const id = this.#parts.idOf(slot);
      if (id !== FREE && this.#firstOf(id, wanted) === slot) yield id;
    }
  }

  /** The first part of a message that is wanted: so each message counts once. */
  #firstOf(id: number, wanted: ReadonlySet<number>): number {
    let slot = this.#parts.firstOf(id);
    while (slot !== 0 && !wanted.has(this.#domains.get(slot))) slot = this.#parts.after(slot);
    return slot;
  }

  /** Whether an envelope of the part may go to one of `domains`. */
  mayGoTo(slot: number, domains: readonly string[]): boolean {
    const hash = this.#domains.get(slot);
    return hash === MIXED || domains.some((domain) => hashOf(domain) === hash);
  }

  #lay(owner: MessageRecord, records: readonly EnvelopeRecord[], configuration: number): number {
    this.#scratch.clear();
    this.#packing.write(this.#scratch, owner, records, configuration);
    const slot = this.#freeSlots.pop() ?? ++this.#slots;
    this.#places.set(slot, this.#pages.put(slot, this.#scratch.written()));
    this.#parts.add(slot, hex32At(owner.message.msgid));
    this.#wakeAt.add(slot, wakeAtMs(records));
    this.#domains.set(slot, domainHash(records));
    this.#count(records, 1);
    if (owner.message.terms !== undefined) this.#hold(slot, records);
    return slot;
  }

  #hold(slot: number, records: readonly EnvelopeRecord[]): void {
    const held = records.filter((record) => record.state === "waiting" && isHeld(record));
    const [first] = held;
    const use = first === undefined ? undefined : this.#usesOf(first.plan).get(first.plan.action);
    if (use === undefined) return;
    this.#held.set(slot, { use, envelopes: held.length });
    use.held += held.length;
  }

  #count(records: readonly EnvelopeRecord[], change: 1 | -1): void {
    this.#envelopes += change * records.length;
    for (const record of records) {
      const { plan, state } = record;
      const uses = this.#usesOf(plan);
      let use = uses.get(plan.action);
      if (use === undefined) {
        use = { plan, waiting: 0, suspended: 0, held: 0 };
        uses.set(plan.action, use);
      }
      if (state === "suspended") {
        use.suspended += change;
        this.#suspended += change;
      } else use.waiting += change;
      if (use.waiting + use.suspended === 0) uses.delete(plan.action);
    }
  }

  #usesOf({ transport }: Plan): Map<string, ActionUse> {
    return this.#actions[transport.kind];
  }

  /** Nobody is here: gives all memory back. */
  #clear(): void {
    this.#freeSlots = [];
    this.#slots = 0;
    for (const each of [this.#pages, this.#parts, this.#wakeAt, this.#places, this.#domains]) {
      each.clear();
    }
  }
}

/** What `Parts` says of a slot that is not in use. */
const FREE = 0;
const MIXED = 0;
const FNV_BASIS = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** FNV-1a; never MIXED. */
function hashOf(domain: string): number {
  let hash = FNV_BASIS;
  for (let at = 0; at < domain.length; at++) {
    hash = Math.imul(hash ^ domain.charCodeAt(at), FNV_PRIME);
  }
  return hash >>> 0 || 1;
}

function domainHash(records: readonly EnvelopeRecord[]): number {
  let common: string | undefined;
  for (const { destination } of records) {
    const domain = domainOf(destination);
    if (common !== undefined && domain !== common) return MIXED;
    common = domain;
  }
  return common === undefined ? MIXED : hashOf(common);
}

/** When the first of them is due, or expires. */
function wakeAtMs(records: readonly EnvelopeRecord[]): number {
  let atMs = Infinity;
  for (const record of records) {
    if (record.state === "suspended") continue;
    atMs = Math.min(atMs, record.dueMs, expiresAtMs(record));
  }
  return atMs;
}

/** Of its texts in UTF-8, whose length in UTF-16 units is what is known. */
function sizeAtMost({ forwardPath, destination, plan, lastWords }: EnvelopeRecord): number {
  const trail = plan.trail.reduce((sum, { source, key }) => sum + source.length + key.length, 0);
  const words = lastWords === undefined ? 0 : lastWords.diagnostic.length + lastWords.remote.length;
  return 3 * (forwardPath.length + destination.length + trail + words) + 256;
}
