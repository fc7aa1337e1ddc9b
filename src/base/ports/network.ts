/**
 * Stream connections, TCP and UNIX-domain.
 *
 * A connection belongs to the handler given to `start`; nothing is read before
 * that. `data` bytes are borrowed for the call only if the handler copies what
 * it keeps; implementations never reuse the memory, so keeping a view is
 * allowed but keeps its whole buffer alive.
 */
import type { Endpoint, Peer } from "#base/endpoint.ts";

/** What a connection tells its owner. `closed` comes exactly once, and last. */
export interface ConnectionHandler {
  data(bytes: Uint8Array): void;
  /** The peer will send no more; we may still write. */
  end(): void;
  /** Everything written so far has left our buffers. */
  drain(): void;
  closed(fault: NetworkFault | undefined): void;
}

/** Hears nothing of a connection that is being closed. */
export const DEAF: ConnectionHandler = { data() {}, end() {}, drain() {}, closed() {} };

export interface Connection {
  /** The peer's address; a UNIX-domain peer has the listener's path. */
  readonly remote: Peer;
  readonly local: Endpoint;
  /** Hands the connection to its owner; must be called once, before anything else. */
  start(handler: ConnectionHandler): void;
  /**
   * Takes it from its owner, who hears nothing more; called from within `data`, after
   * which `start` may be called again.
   *
   * @param unread what the owner had and the next one is to get first.
   */
  handOver(unread: Uint8Array): void;
  /**
   * Sends `bytes`, which the connection then owns. False asks the caller to stop
   * until `drain`. Bytes written after the connection closed are dropped.
   */
  write(bytes: Uint8Array): boolean;
  /** The same for `pieces`, one after the other, which leave together as far as they can. */
  writeAll(pieces: readonly Uint8Array[]): boolean;
  /** Bytes accepted by `write` that have not left yet. */
  readonly unsentBytes: number;
  /** Stops and restarts `data`; a few chunks may still arrive after `pause`. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes our half. */
  end(): void;
  /** Closes both halves at once and drops what was not sent. */
  destroy(): void;
}

/** Why a connection could not be opened, or broke. `code` is the system's (`ECONNREFUSED`, …). */
export interface NetworkFault {
  readonly kind: "network-fault";
  readonly code: string;
  readonly message: string;
}

export interface Listening {
  /** The endpoint as bound; a port of 0 has become the real one. */
  readonly endpoint: Endpoint;
  /** Accepts no more; open connections go on. */
  close(): void;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  /** Source address to bind; any if left out. TCP only. */
  readonly sourceAddress?: string;
  /** Gives it up: the answer is then a fault of the code `ECANCELED`. */
  readonly signal?: AbortSignal;
}

export interface Network {
  /**
   * Accepts on `endpoint` and hands each connection to `accept`. A live UNIX
   * socket is never replaced (`EADDRINUSE`); a stale one is.
   */
  listen(
    endpoint: Endpoint,
    accept: (connection: Connection) => void,
  ): Promise<Listening | NetworkFault>;

  /** Opens a connection. The host of a TCP endpoint must be an address, not a name. */
  connect(endpoint: Endpoint, options: ConnectOptions): Promise<Connection | NetworkFault>;
}
