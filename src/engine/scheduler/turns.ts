/**
 * Whose turn is next, by level: the highest first, and of each the one that has waited
 * longest. Each FAIR_TURN-th turn goes to the levels one after another, so that none starves:
 * the lowest of three gets a twelfth at least.
 *
 * An item stands in one line at most, and can leave or rise while it waits. Each step is O(1)
 * but for the number of levels, which is bounded by who gives them (levelOf).
 *
 * Source: RFC 6710, which asks for an order and leaves it to the server how strict it is.
 */

const FAIR_TURN = 4;

/** What an item lends to those lines. Only `Turns` writes it. */
export interface TakesTurns<Item> {
  line: TurnLine<Item> | undefined;
  before: Item | undefined;
  after: Item | undefined;
}

export interface TurnLine<Item> {
  readonly level: number;
  first: Item | undefined;
  last: Item | undefined;
}

export class Turns<Item extends TakesTurns<Item>> {
  /** The highest first; some may be empty. */
  readonly #lines: TurnLine<Item>[] = [];
  #size = 0;
  #turns = 0;
  /** The line whose fair turn was last. */
  #fair = 0;

  get size(): number {
    return this.#size;
  }

  /** The highest level in which something stands; -Infinity if nothing does. */
  get level(): number {
    return this.#lines.find(isOccupied)?.level ?? -Infinity;
  }

  /** @throws {RangeError} if it stands in a line. */
  push(item: Item, level: number): void {
    if (item.line !== undefined) throw new RangeError("Cannot push: it stands in a line");
    const line = this.#lineOf(level);
    item.line = line;
    item.before = line.last;
    if (line.last === undefined) line.first = item;
    else line.last.after = item;
    line.last = item;
    this.#size++;
  }

  /** Puts what stands here in a higher line, if that is one. */
  raise(item: Item, level: number): void {
    if (item.line === undefined || item.line.level >= level) return;
    this.#remove(item, item.line);
    this.push(item, level);
  }

  /** Whose turn it is, taken out; undefined when there is nobody. */
  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    this.#turns++;
    const line = this.#turns % FAIR_TURN === 0 ? this.#nextFair() : this.#lines.find(isOccupied);
    if (line?.first === undefined) throw new RangeError("Cannot shift: lines and size differ");
    const item = line.first;
    this.#remove(item, line);
    return item;
  }

  /** Forgets everything; what stood here is not to be used again. */
  clear(): void {
    for (const line of this.#lines) {
      line.first = undefined;
      line.last = undefined;
    }
    this.#size = 0;
  }

  #nextFair(): TurnLine<Item> | undefined {
    const { length } = this.#lines;
    for (let step = 1; step <= length; step++) {
      const at = (this.#fair + step) % length;
      const line = this.#lines[at];
      if (line?.first === undefined) continue;
      this.#fair = at;
      return line;
    }
    return undefined;
  }

  #lineOf(level: number): TurnLine<Item> {
    const at = this.#lines.findIndex((line) => line.level <= level);
    const found = this.#lines[at];
    if (found?.level === level) return found;
    const opened: TurnLine<Item> = { level, first: undefined, last: undefined };
    this.#lines.splice(at < 0 ? this.#lines.length : at, 0, opened);
    return opened;
  }

  #remove(item: Item, line: TurnLine<Item>): void {
    const { before, after } = item;
    if (before === undefined) line.first = after;
    else before.after = after;
    if (after === undefined) line.last = before;
    else after.before = before;
    item.line = undefined;
    item.before = undefined;
    item.after = undefined;
    this.#size--;
  }
}

function isOccupied({ first }: TurnLine<unknown>): boolean {
  return first !== undefined;
}
