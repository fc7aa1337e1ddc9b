/**
 * Keeps one object where many would be equal. Bounded: when it is full it begins
 * anew, which costs memory, never truth.
 */

/** Values remembered at once. */
const MAX_INTERNED = 10_000;

export class Interner<Value> {
  #known = new Map<string, Value>();

  /** The first value that came with this key, or `value`. */
  intern(key: string, value: Value): Value {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_INTERNED) this.#known = new Map();
    this.#known.set(key, value);
    return value;
  }
}
