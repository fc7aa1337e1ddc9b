/**
 * A binary heap of items that carry their own key and place, so that any item can
 * be moved or removed in O(log n) and costs no object beside itself.
 *
 * An item is in at most one heap at a time. Items with equal keys come out in no
 * particular order. Keys may be infinite, never NaN.
 */

/** What an item lends to the heap; only the heap writes these while it holds the item. */
export interface HeapItem {
  /** What the heap orders by. */
  heapKey: number;
  /** Place in the heap; OUTSIDE_HEAP when it is in none. */
  heapIndex: number;
}

/** `heapIndex` of an item that is in no heap. */
export const OUTSIDE_HEAP = -1;

export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item with the smallest key, which stays; undefined when the heap is empty. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** @throws {RangeError} if the item is in a heap already. */
  add(item: Item, key: number): void {
    if (item.heapIndex !== OUTSIDE_HEAP) throw new RangeError("Cannot add: item is in a heap");
    item.heapKey = key;
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  /** Gives an item of this heap another key. */
  update(item: Item, key: number): void {
    this.#check(item);
    item.heapKey = key;
    this.#rise(item);
    this.#sink(item);
  }

  /** Takes an item out; its key stays readable. */
  remove(item: Item): void {
    this.#check(item);
    const at = item.heapIndex;
    const last = this.#items.pop();
    item.heapIndex = OUTSIDE_HEAP;
    if (last === undefined || last === item) return;
    this.#put(last, at);
    this.#rise(last);
    this.#sink(last);
  }

  #check(item: Item): void {
    if (this.#items[item.heapIndex] !== item) throw new RangeError("Item is not in this heap");
  }

  #rise(item: Item): void {
    let at = item.heapIndex;
    while (at > 0) {
      const parent = this.#items[(at - 1) >> 1];
      if (parent === undefined || parent.heapKey <= item.heapKey) break;
      const above = parent.heapIndex;
      this.#put(parent, at);
      at = above;
    }
    this.#put(item, at);
  }

  #sink(item: Item): void {
    let at = item.heapIndex;
    for (;;) {
      const left = this.#items[2 * at + 1];
      const right = this.#items[2 * at + 2];
      if (left === undefined) break;
      const child = right !== undefined && right.heapKey < left.heapKey ? right : left;
      if (child.heapKey >= item.heapKey) break;
      const below = child.heapIndex;
      this.#put(child, at);
      at = below;
    }
    this.#put(item, at);
  }

  #put(item: Item, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }
}
