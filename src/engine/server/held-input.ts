/**
 * Input that came while a session could not take it.
 *
 * The connection is paused with the first piece that is held, so that there are
 * few; `release` lets it go on when all of them were taken.
 */
import type { Connection } from "#base/ports/network.ts";

export class HeldInput {
  #connection: Connection;
  #pieces: Buffer[] = [];
  #flow: "on" | "paused" = "on";
  #bytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Octets that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps `input` behind what is held already. */
  add(input: Buffer): void {
    this.#bytes += input.length;
    this.#pieces.push(input);
    this.#pause();
  }

  /** Keeps what is left of the piece that was taken last, before all others. */
  putBack(rest: Buffer): void {
    this.#bytes += rest.length;
    this.#pieces.unshift(rest);
    this.#pause();
  }

  /** The first piece, which is then no longer held. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift();
    this.#bytes -= piece?.length ?? 0;
    return piece;
  }

  /** Goes on with what the connection has become. Nothing may be held. */
  moveTo(connection: Connection): void {
    this.#connection = connection;
    this.#flow = "on";
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
    this.#bytes = 0;
    this.release();
  }

  #pause(): void {
    if (this.#flow === "paused") return;
    this.#flow = "paused";
    this.#connection.pause();
  }
}
