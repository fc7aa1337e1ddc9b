/**
 * First in, first out, in O(1): an array and the place where it begins. `shift` of
 * a plain array moves every entry once it is long.
 */

/** Waste that is not worth moving entries for. */
const MIN_COMPACT = 64;

export class Fifo<Entry> {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** The oldest entry, taken out; undefined when there is none. */
  shift(): Entry | undefined {
    if (this.#head === this.#entries.length) return undefined;
    const entry = this.#entries[this.#head];
    this.#entries[this.#head] = undefined;
    this.#head++;
    if (this.#head >= MIN_COMPACT && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
  }
}
