/**
 * Columns of numbers that grow: one property of many things each, outside the heap of the
 * engine, so that a million of them cost neither objects nor the collector's time.
 *
 * They grow by a quarter. What was never set is 0.
 */

const FIRST_LENGTH = 64;

/** The length that has room for place `at`. */
function grownLength(length: number, at: number): number {
  return Math.max(at + 1, FIRST_LENGTH, Math.ceil(length * 1.25));
}

/** Whole numbers below 2^32. */
export class U32Column {
  #values = new Uint32Array(0);

  get bytes(): number {
    return this.#values.byteLength;
  }

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) this.#grow(at);
    this.#values[at] = value;
  }

  clear(): void {
    this.#values = new Uint32Array(0);
  }

  #grow(at: number): void {
    const grown = new Uint32Array(grownLength(this.#values.length, at));
    grown.set(this.#values);
    this.#values = grown;
  }
}

/** Any numbers. */
export class F64Column {
  #values = new Float64Array(0);

  get bytes(): number {
    return this.#values.byteLength;
  }

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) this.#grow(at);
    this.#values[at] = value;
  }

  clear(): void {
    this.#values = new Float64Array(0);
  }

  #grow(at: number): void {
    const grown = new Float64Array(grownLength(this.#values.length, at));
    grown.set(this.#values);
    this.#values = grown;
  }
}
