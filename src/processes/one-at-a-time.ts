/**
 * Jobs that must not overlap: one runs, one may wait.
 *
 * What is asked for again while it waits is done once for all who asked: it begins
 * after the last of them did.
 */

interface Waiting<Outcome> {
  readonly name: string;
  readonly outcome: Promise<Outcome>;
}

export class OneAtATime<Outcome> {
  #running: Promise<unknown> | undefined;
  #waiting: Waiting<Outcome> | undefined;

  /** Undefined: another job waits already. Jobs of one `name` are the same. */
  run(name: string, job: () => Promise<Outcome>): Promise<Outcome> | undefined {
    // First: between the end of one job and the start of the next nothing runs.
    if (this.#waiting !== undefined) {
      return this.#waiting.name === name ? this.#waiting.outcome : undefined;
    }
    if (this.#running === undefined) return this.#start(job);
    const outcome = this.#after(this.#running, job);
    this.#waiting = { name, outcome };
    return outcome;
  }

  async #after(running: Promise<unknown>, job: () => Promise<Outcome>): Promise<Outcome> {
    await running.catch(() => undefined);
    this.#waiting = undefined;
    return this.#start(job);
  }

  #start(job: () => Promise<Outcome>): Promise<Outcome> {
    const running = job();
    this.#running = running;
    const end = (): void => {
      if (this.#running === running) this.#running = undefined;
    };
    running.then(end, end);
    return running;
  }
}
