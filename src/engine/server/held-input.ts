/**
 * Input that came while a session could not take it.
 *
 * The connection is paused with the first piece that is held, so that there are
 * few; `release` lets it go on when all of them were taken.
 */
import type { Connection } from "#base/ports/network.ts";

export class HeldInput {
  readonly #connection: Connection;
  #pieces: Buffer[] = [];
  #flow: "on" | "paused" = "on";

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Keeps `input` behind what is held already. */
  add(input: Buffer): void {
    this.#pieces.push(input);
    this.#pause();
  }

  /** Keeps what is left of the piece that was taken last, before all others. */
  putBack(rest: Buffer): void {
    this.#pieces.unshift(rest);
    this.#pause();
  }

  /** The first piece, which is then no longer held. */
  take(): Buffer | undefined {
    return this.#pieces.shift();
  }

  /** Lets the connection read on. */
  release(): void {
    if (this.#flow === "on") return;
    this.#flow = "on";
    this.#connection.resume();
  }

  /** Forgets what is held, for good. */
  drop(): void {
    this.#pieces = [];
    this.release();
  }

  #pause(): void {
    if (this.#flow === "paused") return;
    this.#flow = "paused";
    this.#connection.pause();
  }
}
