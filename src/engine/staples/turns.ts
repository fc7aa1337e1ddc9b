/** Lets so many work at once; the others wait in line. */
export class Turns {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#working === this.#most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    } else this.#working += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Whoever is next has the turn that ends here.
      if (next === undefined) this.#working -= 1;
      else next();
    }
  }
}
