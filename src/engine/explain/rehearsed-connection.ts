/**
 * A connection that leads nowhere: the client's half of a rehearsal. What the server
 * writes is taken apart into replies, and nothing reaches the network.
 */
import type { Endpoint, Peer } from "#base/endpoint.ts";
import type { Connection, ConnectionHandler } from "#base/ports/network.ts";
import { type ReceivedReply, ReplyParser } from "#protocols/smtp/reply-parser.ts";

export class RehearsedConnection implements Connection {
  readonly remote: Peer;
  readonly local: Endpoint;
  readonly unsentBytes = 0;
  readonly #parser = new ReplyParser();
  readonly #replies: ReceivedReply[] = [];
  #server: ConnectionHandler | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(remote: Peer, local: Endpoint) {
    this.remote = remote;
    this.local = local;
  }

  // The client's side.

  /** Sends one command; `line` has no line end of its own. */
  say(line: string): void {
    if (!this.#isClosed) this.#server?.data(Buffer.from(`${line}\r\n`));
  }

  /** The next reply; undefined if the server closes before there is one. */
  async reply(): Promise<ReceivedReply | undefined> {
    while (this.#replies.length === 0 && !this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#replies.shift();
  }

  // The server's side.

  start(handler: ConnectionHandler): void {
    this.#server = handler;
  }

  write(bytes: Uint8Array): boolean {
    const { replies, fault } = this.#parser.push(bytes);
    if (fault !== undefined) throw new TypeError(`Cannot rehearse: ${fault.reason}`);
    this.#replies.push(...replies);
    this.#wake?.();
    return true;
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    return this.write(Buffer.concat(pieces));
  }

  handOver(): void {
    throw new TypeError("Cannot hand a rehearsal over");
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake?.();
    void this.#tellClosed();
  }

  /** In a turn of its own, as a real connection does: the server is not called while it acts. */
  async #tellClosed(): Promise<void> {
    await Promise.resolve();
    this.#server?.closed(undefined);
  }
}
