/**
 * Which slots hold parts of a message: from msgid to slots, and back, in a hash table that
 * has four bytes for each place. Parts of one message are a list, so that a message in a
 * hundred thousand parts costs no more than as many messages.
 */
import { Column } from "./column.ts";

const FIRST_CAPACITY = 64;
/** Places in use, at most, of eight. */
const MAX_LOAD = 6;
/** 2^32 over the golden ratio: spreads ids that are alike. */
const SPREAD = 0x9e37_79b1;

export class Parts {
  /** The id of the message of each slot. */
  readonly #ids = new Column(Uint32Array);
  readonly #next = new Column(Uint32Array);
  readonly #previous = new Column(Uint32Array);
  /** The first part of a message; 0: the place is free. */
  #table = new Uint32Array(FIRST_CAPACITY);
  #messages = 0;

  /** Messages that have a part. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    const columns = this.#ids.bytes + this.#next.bytes + this.#previous.bytes;
    return columns + this.#table.byteLength;
  }

  idOf(slot: number): number {
    return this.#ids.get(slot);
  }

  /** A part of the message; 0: it has none. */
  firstOf(id: number): number {
    return this.#table[this.#find(id)] ?? 0;
  }

  /** The part after this one; 0: it was the last. */
  after(slot: number): number {
    return this.#next.get(slot);
  }

  /** `id` is not 0. */
  add(slot: number, id: number): void {
    const at = this.#find(id);
    const first = this.#table[at] ?? 0;
    this.#ids.set(slot, id);
    this.#previous.set(slot, 0);
    this.#next.set(slot, first);
    this.#table[at] = slot;
    if (first !== 0) {
      this.#previous.set(first, slot);
      return;
    }
    this.#messages++;
    if (this.#messages * 8 > this.#table.length * MAX_LOAD) this.#grow();
  }

  remove(slot: number): void {
    const next = this.#next.get(slot);
    const previous = this.#previous.get(slot);
    if (next !== 0) this.#previous.set(next, previous);
    if (previous !== 0) this.#next.set(previous, next);
    else if (next !== 0) this.#table[this.#find(this.#ids.get(slot))] = next;
    else this.#forget(this.#find(this.#ids.get(slot)));
    this.#ids.set(slot, 0);
  }

  /** The ids of all messages that have a part. */
  *allIds(): Generator<number> {
    for (const slot of this.#table) if (slot !== 0) yield this.#ids.get(slot);
  }

  clear(): void {
    for (const column of [this.#ids, this.#next, this.#previous]) column.clear();
    this.#table = new Uint32Array(FIRST_CAPACITY);
    this.#messages = 0;
  }

  /** The place of a message, or the free one where it would be. */
  #find(id: number): number {
    const mask = this.#table.length - 1;
    let at = this.#homeOf(id);
    for (;;) {
      const slot = this.#table[at] ?? 0;
      if (slot === 0 || this.#ids.get(slot) === id) return at;
      at = (at + 1) & mask;
    }
  }

  #homeOf(id: number): number {
    // The upper bits are the ones that are well mixed.
    return Math.imul(id, SPREAD) >>> (Math.clz32(this.#table.length) + 1);
  }

  /** Frees a place and moves those after it up, so that each is found from its home. */
  #forget(place: number): void {
    const mask = this.#table.length - 1;
    let free = place;
    for (let at = (free + 1) & mask; ; at = (at + 1) & mask) {
      const slot = this.#table[at] ?? 0;
      if (slot === 0) break;
      const home = this.#homeOf(this.#ids.get(slot));
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      this.#table[free] = slot;
      free = at;
    }
    this.#table[free] = 0;
    this.#messages--;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Uint32Array(before.length * 2);
    for (const slot of before) {
      if (slot !== 0) this.#table[this.#find(this.#ids.get(slot))] = slot;
    }
  }
}
