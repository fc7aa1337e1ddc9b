/**
 * Values that many share, by number: each is kept once, as long as somebody uses it.
 *
 * Bounded: when it is full, what is new gets no number, and its user keeps it as a whole.
 */

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  uses: number;
}

/** What something gets that has no number. */
export const NO_NUMBER = 0;

export class CountedValues<Value> {
  readonly #max: number;
  readonly #numbers = new Map<string, number>();
  /** By number, from 1. */
  readonly #entries: (Entry<Value> | undefined)[] = [undefined];
  readonly #free: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#numbers.size;
  }

  /**
   * The number of the value with this key, which gets one more user; NO_NUMBER: it is full.
   * `make` is called for the first one.
   */
  use(key: string, make: () => Value): number {
    const known = this.#numbers.get(key);
    const entry = known === undefined ? undefined : this.#entries[known];
    if (known !== undefined && entry !== undefined) {
      entry.uses++;
      return known;
    }
    if (this.#numbers.size >= this.#max) return NO_NUMBER;
    const number = this.#free.pop() ?? this.#entries.length;
    this.#entries[number] = { key, value: make(), uses: 1 };
    this.#numbers.set(key, number);
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
    this.#numbers.delete(entry.key);
    this.#entries[number] = undefined;
    this.#free.push(number);
  }

  #entry(number: number): Entry<Value> {
    const entry = this.#entries[number];
    if (entry === undefined) throw new RangeError(`No value has the number ${number}`);
    return entry;
  }
}
