/**
 * A binary heap of slots, which are numbers above 0: what base/heap.ts is for objects. Each
 * slot has one key; any can be moved or removed in O(log n). Equal keys come out in no
 * particular order. Keys may be infinite, never NaN.
 */
import { Column } from "./column.ts";

export class SlotHeap {
  readonly #keys = new Column(Float64Array);
  /** The place of each slot in `#order`, and 1; 0: it is not here. */
  readonly #places = new Column(Uint32Array);
  readonly #order = new Column(Uint32Array);
  #size = 0;

  get bytes(): number {
    return this.#keys.bytes + this.#places.bytes + this.#order.bytes;
  }

  /** The slot with the smallest key, which stays; 0 when there is none. */
  get first(): number {
    return this.#size === 0 ? 0 : this.#order.get(0);
  }

  /** Infinity when there is none. */
  get firstKey(): number {
    return this.#size === 0 ? Infinity : this.#keys.get(this.#order.get(0));
  }

  /** @throws {RangeError} if it is here already. */
  add(slot: number, key: number): void {
    if (this.#places.get(slot) !== 0) throw new RangeError("Cannot add: slot is in the heap");
    this.#keys.set(slot, key);
    this.#rise(slot, key, this.#size++);
  }

  update(slot: number, key: number): void {
    const at = this.#placeOf(slot);
    this.#keys.set(slot, key);
    this.#settle(slot, key, at);
  }

  remove(slot: number): void {
    const at = this.#placeOf(slot);
    this.#places.set(slot, 0);
    const last = this.#order.get(--this.#size);
    if (last !== slot) this.#settle(last, this.#keys.get(last), at);
  }

  /** Forgets everything, with the memory that it took. */
  clear(): void {
    this.#size = 0;
    for (const column of [this.#keys, this.#places, this.#order]) column.clear();
  }

  #placeOf(slot: number): number {
    const place = this.#places.get(slot);
    if (place === 0) throw new RangeError("Slot is not in the heap");
    return place - 1;
  }

  #settle(slot: number, key: number, at: number): void {
    const parent = (at - 1) >> 1;
    if (at > 0 && this.#keys.get(this.#order.get(parent)) > key) this.#rise(slot, key, at);
    else this.#sink(slot, key, at);
  }

  #rise(slot: number, key: number, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#order.get(parent);
      if (this.#keys.get(above) <= key) break;
      this.#put(above, at);
      at = parent;
    }
    this.#put(slot, at);
  }

  #sink(slot: number, key: number, from: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#keyAt(child + 1) < this.#keyAt(child)) child++;
      if (this.#keyAt(child) >= key) break;
      this.#put(this.#order.get(child), at);
      at = child;
    }
    this.#put(slot, at);
  }

  #keyAt(at: number): number {
    return this.#keys.get(this.#order.get(at));
  }

  #put(slot: number, at: number): void {
    this.#order.set(at, slot);
    this.#places.set(slot, at + 1);
  }
}
