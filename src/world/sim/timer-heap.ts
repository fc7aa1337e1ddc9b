/**
 * Timers of the simulated clock, the next one first. A cancelled timer leaves
 * the heap when it reaches the top, or when half of the heap is cancelled.
 */
export interface SimTimer {
  readonly dueMs: number;
  /** Timers of one instant run in this order. */
  readonly order: number;
  readonly run: () => void;
}

export class TimerHeap {
  #heap: SimTimer[] = [];
  readonly #live = new Set<SimTimer>();

  get size(): number {
    return this.#live.size;
  }

  add(timer: SimTimer): void {
    this.#live.add(timer);
    this.#heap.push(timer);
    this.#siftUp(this.#heap.length - 1);
  }

  /** Forgets `timer`; harmless if that happened already. */
  cancel(timer: SimTimer): void {
    if (!this.#live.delete(timer)) return;
    if (this.#heap.length > 64 && this.#live.size * 2 < this.#heap.length) {
      // A sorted array is a heap.
      this.#heap = this.#heap.filter((each) => this.#live.has(each)).toSorted(compare);
    }
  }

  /** The next timer, which stays. */
  first(): SimTimer | undefined {
    let top = this.#heap[0];
    while (top !== undefined && !this.#live.has(top)) {
      this.#removeTop();
      top = this.#heap[0];
    }
    return top;
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  #siftDown(): void {
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      const next = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(next, at)) return;
      at = next;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    return a !== undefined && b !== undefined && compare(a, b) < 0;
  }

  #swapIfBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined || compare(a, b) >= 0) return false;
    this.#heap[one] = b;
    this.#heap[other] = a;
    return true;
  }
}

function compare(a: SimTimer, b: SimTimer): number {
  return a.dueMs - b.dueMs || a.order - b.order;
}
