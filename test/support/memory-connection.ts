/**
 * A connection in memory without time: what the test feeds arrives at once in pieces
 * of one size, unless it is paused; what is written is collected.
 */
import { type Endpoint, type Peer, unasked } from "#base/endpoint.ts";
import type { Connection, ConnectionHandler } from "#base/ports/network.ts";

export class MemoryConnection implements Connection {
  readonly remote: Peer;
  readonly local: Endpoint;
  readonly unsentBytes = 0;
  /** Each write of the server. */
  readonly writes: Buffer[] = [];
  #handler: ConnectionHandler | undefined;
  #pending: Buffer[] = [];
  #flow: "on" | "paused" = "on";
  #state: "open" | "ended" | "closed" = "open";

  constructor(remote: Endpoint | Peer, local: Endpoint) {
    this.remote = "user" in remote ? remote : unasked(remote);
    this.local = local;
  }

  /** All that the server wrote, one character for each octet. */
  get output(): string {
    return Buffer.concat(this.writes).toString("latin1");
  }

  /** Whether the server ended or broke off its half. */
  get isEnded(): boolean {
    return this.#state !== "open";
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    queueMicrotask(() => this.#deliver());
  }

  handOver(unread: Uint8Array): void {
    this.#handler = undefined;
    if (unread.length > 0) this.#pending.unshift(Buffer.from(unread));
  }

  /** Sends `wire` to the server in pieces of `pieceBytes`. */
  feed(wire: Buffer, pieceBytes: number): void {
    for (let at = 0; at < wire.length; at += pieceBytes)
      this.#pending.push(wire.subarray(at, at + pieceBytes));
    this.#deliver();
  }

  /** The client goes away. */
  hangUp(): void {
    this.#close();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state === "open") this.writes.push(Buffer.from(bytes));
    return true;
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    return this.write(Buffer.concat(pieces));
  }

  pause(): void {
    this.#flow = "paused";
  }

  resume(): void {
    this.#flow = "on";
    queueMicrotask(() => this.#deliver());
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    queueMicrotask(() => this.#close());
  }

  destroy(): void {
    this.#close();
  }

  #deliver(): void {
    while (this.#handler !== undefined && this.#flow === "on" && this.#state === "open") {
      const piece = this.#pending.shift();
      if (piece === undefined) return;
      this.#handler.data(piece);
    }
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#pending = [];
    queueMicrotask(() => this.#handler?.closed(undefined));
  }
}
