/** Lets so many work at once; the others wait in line, in the order in which they came. */
export class Semaphore {
  readonly #places: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** @param maxWaiting what `isFull` goes by; without it the callers bound how many they are. */
  constructor(places: number, maxWaiting: number = Infinity) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
  }

  /** Whether one more would be too many in the line: to be asked before `run`. */
  get isFull(): boolean {
    return this.#taken === this.#places && this.#waiting.length >= this.#maxWaiting;
  }

  /** Does the work when there is a place for it; settles as the work does. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#taken === this.#places) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    } else this.#taken++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Whoever is next has the place that is given up here.
      if (next === undefined) this.#taken--;
      else next();
    }
  }
}
