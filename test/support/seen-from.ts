/** A connection whose peer seems to have another address: real sockets come from this machine alone. */
import type { Endpoint, Peer } from "#base/endpoint.ts";
import type { Connection, ConnectionHandler } from "#base/ports/network.ts";

export class SeenFrom implements Connection {
  readonly remote: Peer;
  readonly #inner: Connection;

  constructor(inner: Connection, address: string) {
    this.remote = { kind: "tcp", host: address, port: 4025 };
    this.#inner = inner;
  }

  get local(): Endpoint {
    return this.#inner.local;
  }

  get unsentBytes(): number {
    return this.#inner.unsentBytes;
  }

  start(handler: ConnectionHandler): void {
    this.#inner.start(handler);
  }

  handOver(unread: Uint8Array): void {
    this.#inner.handOver(unread);
  }

  write(bytes: Uint8Array): boolean {
    return this.#inner.write(bytes);
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    return this.#inner.writeAll(pieces);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
