/**
 * A log whose reader may be slow or stuck: mail must flow all the same.
 *
 * Lines wait in a bounded queue while one write is under way, and leave together
 * when it ended. Lines beyond the bound are dropped and counted; as soon as there is
 * room again, a line says how many are missing. A write that fails loses its lines
 * and nothing else.
 */
import type { Sink } from "./observer.ts";

/** Characters that may wait: about ten thousand lines. */
export const MAX_WAITING_LENGTH: number = 2 * 1024 * 1024;

/** Resolves when it is time to write what has gathered. */
export type Gather = () => Promise<void>;

/** Writes `bytes` and resolves when they have gone; rejects when they could not be written. */
export type LogWrite = (bytes: Uint8Array) => Promise<void>;

const encoder = new TextEncoder();

export class LogQueue {
  readonly #write: LogWrite;
  readonly #gather: Gather;
  #waiting: string[] = [];
  #waitingLength = 0;
  #missing = 0;
  #lostCount = 0;
  #writing: Promise<void> | undefined;

  /** Without `gather` the lines of one turn of the event loop leave in one write. */
  constructor(write: LogWrite, gather: Gather = () => Promise.resolve()) {
    this.#write = write;
    this.#gather = gather;
  }

  /** Bound: may be handed out as it is. */
  readonly sink: Sink = (line: string): void => {
    if (this.#waitingLength + line.length > MAX_WAITING_LENGTH) {
      this.#missing++;
      this.#lostCount++;
      return;
    }
    this.#enqueue(line);
    this.#writing ??= this.#run();
  };

  /** How many lines were never written, since the start. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** Resolves when nothing waits any more. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingLength = 0;
      try {
        await this.#write(encoder.encode(`${lines.join("\n")}\n`));
        this.#sayMissing();
      } catch {
        // There is no other place to complain to than the one that failed.
        this.#missing += lines.length;
        this.#lostCount += lines.length;
      }
    }
    this.#writing = undefined;
  }

  #sayMissing(): void {
    if (this.#missing === 0) return;
    this.#enqueue(`warn: ${this.#missing} log lines lost`);
    this.#missing = 0;
  }

  #enqueue(line: string): void {
    this.#waiting.push(line);
    this.#waitingLength += line.length;
  }
}
