/**
 * Lines of slots, first in, first out, from which any slot can step out: twelve bytes a
 * slot, however many lines there are. A slot stands in one line at most.
 */
import { Column } from "./column.ts";

/** A line, and whose it is. Only `Lines` changes it. */
export interface Line<Owner> {
  readonly number: number;
  readonly owner: Owner;
  first: number;
  last: number;
  size: number;
}

export class Lines<Owner> {
  readonly #next = new Column(Uint32Array);
  readonly #previous = new Column(Uint32Array);
  /** The number of each slot's line; 0: it stands in none. */
  readonly #numbers = new Column(Uint32Array);
  readonly #open = new Map<number, Line<Owner>>();
  #opened = 0;

  get bytes(): number {
    return this.#next.bytes + this.#previous.bytes + this.#numbers.bytes;
  }

  open(owner: Owner): Line<Owner> {
    // Numbers of closed lines are free again; a number is a line's while it is open.
    do this.#opened = (this.#opened % MAX_LINE_NUMBER) + 1;
    while (this.#open.has(this.#opened));
    const line: Line<Owner> = { number: this.#opened, owner, first: 0, last: 0, size: 0 };
    this.#open.set(line.number, line);
    return line;
  }

  /** @throws {RangeError} if a slot stands in it. */
  close(line: Line<Owner>): void {
    if (line.size > 0) throw new RangeError("Cannot close a line: it is not empty");
    this.#open.delete(line.number);
  }

  /** The line in which a slot stands. */
  lineOf(slot: number): Line<Owner> | undefined {
    const number = this.#numbers.get(slot);
    return number === 0 ? undefined : this.#open.get(number);
  }

  /** @throws {RangeError} if the slot stands in a line. */
  push(line: Line<Owner>, slot: number): void {
    if (this.#numbers.get(slot) !== 0) throw new RangeError("Slot stands in a line already");
    this.#numbers.set(slot, line.number);
    this.#next.set(slot, 0);
    this.#previous.set(slot, line.last);
    if (line.last === 0) line.first = slot;
    else this.#next.set(line.last, slot);
    line.last = slot;
    line.size++;
  }

  /** Takes a slot out of the line in which it stands. */
  remove(line: Line<Owner>, slot: number): void {
    if (this.#numbers.get(slot) !== line.number) throw new RangeError("Slot is not in this line");
    const next = this.#next.get(slot);
    const previous = this.#previous.get(slot);
    if (previous === 0) line.first = next;
    else this.#next.set(previous, next);
    if (next === 0) line.last = previous;
    else this.#previous.set(next, previous);
    this.#numbers.set(slot, 0);
    line.size--;
  }

  /** Forgets the memory of slots; no line may have one. */
  clear(): void {
    for (const column of [this.#next, this.#previous, this.#numbers]) column.clear();
  }
}

const MAX_LINE_NUMBER = 0xffff_ffff;
