/**
 * Values that many share, by number: each is kept once, as long as somebody uses it. They are
 * found by one text of theirs and then compared, so that nothing is put together to look.
 *
 * Bounded: when it is full, or has many that are alike, what is new gets no number, and its
 * user keeps it as a whole.
 */

export interface ValueTraits<Value> {
  /** A text that is different in most values that are different. */
  keyOf(value: Value): string;
  /** Whether two with the same key are equal. */
  isSame(one: Value, other: Value): boolean;
  /** What is kept of the first that comes; it must have the same key. */
  kept(value: Value): Value;
}

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  uses: number;
  /** The next one with the same key; NO_NUMBER: it is the last. */
  next: number;
}

/** What something gets that has no number. */
export const NO_NUMBER = 0;
/** Values with one key that have numbers: as many are compared at most. */
const MAX_ALIKE = 32;

export class CountedValues<Value> {
  readonly #max: number;
  readonly #traits: ValueTraits<Value>;
  /** The first number of each key. */
  readonly #firsts = new Map<string, number>();
  /** By number, from 1. */
  readonly #entries: (Entry<Value> | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #size = 0;

  constructor(max: number, traits: ValueTraits<Value>) {
    this.#max = max;
    this.#traits = traits;
  }

  get size(): number {
    return this.#size;
  }

  /** The number of a value, which gets one more user; NO_NUMBER: it gets none. */
  use(value: Value): number {
    const key = this.#traits.keyOf(value);
    const first = this.#firsts.get(key) ?? NO_NUMBER;
    let alike = 0;
    for (let number = first; number !== NO_NUMBER; alike++) {
      const entry = this.#entry(number);
      if (entry.value === value || this.#traits.isSame(entry.value, value)) {
        entry.uses++;
        return number;
      }
      number = entry.next;
    }
    if (this.#size >= this.#max || alike >= MAX_ALIKE) return NO_NUMBER;
    const number = this.#free.pop() ?? this.#entries.length;
    this.#entries[number] = { key, value: this.#traits.kept(value), uses: 1, next: first };
    this.#firsts.set(key, number);
    this.#size++;
    return number;
  }

  /** @throws {RangeError} if nobody uses it. */
  get(number: number): Value {
    return this.#entry(number).value;
  }

  /** One user less. */
  leave(number: number): void {
    const entry = this.#entry(number);
    if (--entry.uses > 0) return;
    this.#unchain(number, entry);
    this.#entries[number] = undefined;
    this.#free.push(number);
    this.#size--;
  }

  #unchain(number: number, { key, next }: Entry<Value>): void {
    const first = this.#firsts.get(key) ?? NO_NUMBER;
    if (first !== number) {
      let before = this.#entry(first);
      while (before.next !== number) before = this.#entry(before.next);
      before.next = next;
    } else if (next === NO_NUMBER) this.#firsts.delete(key);
    else this.#firsts.set(key, next);
  }

  #entry(number: number): Entry<Value> {
    const entry = this.#entries[number];
    if (entry === undefined) throw new RangeError(`No value has the number ${number}`);
    return entry;
  }
}
