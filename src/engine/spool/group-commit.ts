/**
 * Group commit: whatever arrives while one write is being made durable waits, and
 * is then written together, with one sync for all of it. The busier the spool,
 * the more messages share a sync; alone, a message waits for nobody.
 */

/** Most bytes in one group; one job may be larger. Bounds how long the last in line waits. */
const MAX_GROUP_BYTES: number = 4 * 1024 * 1024;
/** Most bytes that wait; beyond it, jobs are turned away. */
const MAX_WAITING_BYTES: number = 256 * 1024 * 1024;
/** Promise turns that a caller needs to commit again once it was answered. */
const GATHER_TURNS = 8;

export class GroupCommit<Job extends { readonly bytes: number }> {
  readonly #write: (group: readonly Job[]) => Promise<void>;
  #waiting: Job[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;

  /** @param write makes a group durable and answers its jobs; never called twice at a time. */
  constructor(write: (group: readonly Job[]) => Promise<void>) {
    this.#write = write;
  }

  /** Puts a job in line, in the order of the calls; false if too much is waiting. */
  add(job: Job): boolean {
    if (this.#waitingBytes + job.bytes > MAX_WAITING_BYTES && this.#waiting.length > 0)
      return false;
    this.#waiting.push(job);
    this.#waitingBytes += job.bytes;
    this.#running ??= this.#run();
    return true;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    await gather();
    while (this.#waiting.length > 0) {
      await this.#write(this.#takeGroup());
      await gather();
    }
    this.#running = undefined;
  }

  #takeGroup(): readonly Job[] {
    let bytes = 0;
    let count = 0;
    for (const job of this.#waiting) {
      if (count > 0 && bytes + job.bytes > MAX_GROUP_BYTES) break;
      bytes += job.bytes;
      count++;
    }
    this.#waitingBytes -= bytes;
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const group = this.#waiting;
    this.#waiting = [];
    return group;
  }
}

/** Lets callers that commit in the same turn of the event loop share a group. */
async function gather(): Promise<void> {
  for (let turn = 0; turn < GATHER_TURNS; turn++) await Promise.resolve();
}
