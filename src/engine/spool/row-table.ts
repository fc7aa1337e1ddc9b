/**
 * Rows of numbers, in columns that are typed arrays, found by a key of two numbers.
 *
 * A Map of objects takes some 200 bytes for what 20 to 40 bytes hold here, and a
 * million of them keep the garbage collector busy. Rows are dense: the last one moves
 * into the place of one that is removed, so a row number is valid until the next removal.
 * The index is open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L and R).
 */

const FIRST_ROWS = 16;
/** Rows grow by this, which bounds what is allocated and not used. */
const GROWTH = 1.25;
/** Highest part of the index that is in use. */
const MAX_LOAD = 0.75;
const EMPTY = 0;
/** Odd and irrational enough: 2^32 / golden ratio, and its kin. */
const HIGH_FACTOR = 0x9e37_79b1;
const LOW_FACTOR = 0x85eb_ca6b;

export abstract class RowTable {
  /** Row number + 1 by hash; its length is a power of two. */
  #index: Uint32Array = new Uint32Array(2 * FIRST_ROWS);
  #size = 0;
  #capacity = 0;

  /** Rows are numbered from 0 to below this. */
  get size(): number {
    return this.#size;
  }

  /** Makes room for `rows` in all, at once. */
  expect(rows: number): void {
    if (rows > this.#capacity) {
      this.#capacity = rows;
      this.resize(rows);
    }
    let places = this.#index.length;
    while (rows > places * MAX_LOAD) places *= 2;
    if (places > this.#index.length) this.#growIndex(places);
  }

  /** The row with this key; -1 if there is none. */
  find(high: number, low: number): number {
    return (this.#index[this.#placeOf(high, low)] ?? EMPTY) - 1;
  }

  /**
   * The row with this key. If there was none it is made, the last one; the caller then fills in
   * all of its columns, the key first.
   */
  protected findOrAppend(high: number, low: number): number {
    let place = this.#placeOf(high, low);
    const entry = this.#index[place] ?? EMPTY;
    if (entry !== EMPTY) return entry - 1;
    if (this.#size === this.#capacity) {
      this.#capacity = Math.max(FIRST_ROWS, Math.ceil(this.#capacity * GROWTH));
      this.resize(this.#capacity);
    }
    if (this.#size + 1 > this.#index.length * MAX_LOAD) {
      this.#growIndex(this.#index.length * 2);
      place = this.#placeOf(high, low);
    }
    this.#index[place] = this.#size + 1;
    return this.#size++;
  }

  /** Removes a row; the last one takes its number. */
  remove(row: number): void {
    this.#leave(this.#indexOf(row));
    const last = this.#size - 1;
    if (row !== last) {
      this.#index[this.#indexOf(last)] = row + 1;
      this.move(last, row);
    }
    this.#size = last;
    if (last === 0) this.#shrink();
  }

  protected abstract high(row: number): number;
  protected abstract low(row: number): number;
  /** Makes room for this many rows in each column. */
  protected abstract resize(rows: number): void;
  /** Copies one row over another. */
  protected abstract move(from: number, to: number): void;

  /** Where a key is in the index, or the empty place where it would be. */
  #placeOf(high: number, low: number): number {
    const index = this.#index;
    const last = index.length - 1;
    for (let at = hash(high, low) & last; ; at = (at + 1) & last) {
      const entry = index[at] ?? EMPTY;
      if (entry === EMPTY) return at;
      if (this.high(entry - 1) === high && this.low(entry - 1) === low) return at;
    }
  }

  #indexOf(row: number): number {
    const last = this.#index.length - 1;
    let at = this.#hashOf(row) & last;
    while (this.#index[at] !== row + 1) at = (at + 1) & last;
    return at;
  }

  #enter(row: number, hashed: number): void {
    const last = this.#index.length - 1;
    let at = hashed & last;
    while (this.#index[at] !== EMPTY) at = (at + 1) & last;
    this.#index[at] = row + 1;
  }

  /** Empties a place, and moves those behind it back that would not be found over the gap. */
  #leave(gap: number): void {
    const index = this.#index;
    const last = index.length - 1;
    let hole = gap;
    for (let at = (hole + 1) & last; ; at = (at + 1) & last) {
      const entry = index[at] ?? EMPTY;
      if (entry === EMPTY) break;
      const home = this.#hashOf(entry - 1) & last;
      if (((at - home) & last) < ((at - hole) & last)) continue;
      index[hole] = entry;
      hole = at;
    }
    index[hole] = EMPTY;
  }

  #growIndex(places: number): void {
    this.#index = new Uint32Array(places);
    for (let row = 0; row < this.#size; row++) this.#enter(row, this.#hashOf(row));
  }

  /** After a flood has drained, its memory is given back. */
  #shrink(): void {
    if (this.#capacity <= FIRST_ROWS) return;
    this.#capacity = 0;
    this.#index = new Uint32Array(2 * FIRST_ROWS);
    this.resize(0);
  }

  #hashOf(row: number): number {
    return hash(this.high(row), this.low(row));
  }
}

/** Well mixed in its low bits. */
function hash(high: number, low: number): number {
  const mixed = Math.imul(high, HIGH_FACTOR) ^ Math.imul(low, LOW_FACTOR);
  return mixed ^ (mixed >>> 15);
}

/** A longer or shorter copy of a column. */
export function resized<Column extends Uint8Array | Uint32Array | Float64Array>(
  column: Column,
  rows: number,
): Column {
  const copy = new (column.constructor as new (length: number) => Column)(rows);
  copy.set(column.length > rows ? column.subarray(0, rows) : column);
  return copy;
}
