/**
 * A net.Socket as a Connection, with as little around it as can be: thousands of
 * connections are opened each second.
 *
 * The listeners are shared functions that find their connection on the socket,
 * so a connection costs one object. An error of the socket always has a
 * listener; it is kept until `closed` tells it. Writes after `end` or after the
 * close are dropped, as a reply may cross a time-out.
 */
import type { Socket } from "node:net";
import type { Endpoint, Peer } from "#base/endpoint.ts";
import type { Connection, ConnectionHandler, NetworkFault } from "#base/ports/network.ts";

const OWNER: unique symbol = Symbol("connection");

/** What libuv reads at once: a read as long as this means that there is more. */
const FULL_READ_BYTES: number = 64 * 1024;
/** Full reads, one after the other, before other connections have their turn: to stop and to go on costs as much as a read. */
const MAX_FULL_READS = 4;

interface OwnedSocket extends Socket {
  [OWNER]: NodeConnection;
}

/** What is known of a socket's ends without asking the system. */
export interface KnownEnds {
  readonly local?: Endpoint;
  readonly remote?: Peer;
}

/**
 * Makes a connection of a socket, which then belongs to it. The socket must be
 * made with `allowHalfOpen`. For a UNIX-domain socket both ends must be given.
 */
export function wrapSocket(socket: Socket, known: KnownEnds = {}): Connection {
  return new NodeConnection(socket, known);
}

/** A socket that was a connection, with what was known of its ends. */
export interface BareSocket {
  readonly socket: Socket;
  readonly ends: Required<KnownEnds>;
}

/**
 * Takes a connection apart, for whoever speaks another protocol on it: its owner hears
 * nothing more. Errors of the socket are heard from then on, and forgotten.
 *
 * @throws {TypeError} if it was not made by `wrapSocket`.
 */
export function unwrapSocket(connection: Connection): BareSocket {
  if (connection instanceof NodeConnection) return connection.unwrap();
  throw new TypeError("Cannot take a connection apart: it is of another network");
}

/** The fault that a system error is. */
export function networkFault(error: NodeJS.ErrnoException): NetworkFault {
  return { kind: "network-fault", code: error.code ?? "EIO", message: error.message };
}

class NodeConnection implements Connection {
  readonly remote: Peer;
  readonly #socket: Socket;
  #local: Endpoint | undefined;
  #handler: ConnectionHandler | undefined;
  #fault: NetworkFault | undefined;
  #state: "open" | "closed" | "told" = "open";
  #flow: "on" | "paused" | "yielding" = "on";
  /** The last so many reads were full. */
  #fullReads = 0;

  constructor(socket: Socket, known: KnownEnds) {
    this.#socket = socket;
    this.#local = known.local;
    this.remote = known.remote ?? tcpEndpoint(socket.remoteAddress, socket.remotePort);
    (socket as OwnedSocket)[OWNER] = this;
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  get local(): Endpoint {
    this.#local ??= tcpEndpoint(this.#socket.localAddress, this.#socket.localPort);
    return this.#local;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: ConnectionHandler): void {
    if (this.#handler !== undefined)
      throw new TypeError("Cannot start a connection: it has started");
    this.#handler = handler;
    this.#flow = "on";
    if (this.#state === "closed") {
      queueMicrotask(() => this.tellClosed());
      return;
    }
    const socket = this.#socket;
    socket.on("end", onEnd);
    socket.on("drain", onDrain);
    socket.on("data", onData);
    // A socket that came from another process may be paused.
    if (socket.isPaused()) socket.resume();
  }

  handOver(unread: Uint8Array): void {
    const socket = this.#socket;
    this.#handler = undefined;
    // Nothing is read, and no end is told, until the next owner starts it.
    this.#flow = "paused";
    socket.pause();
    socket.off("end", onEnd);
    socket.off("drain", onDrain);
    socket.off("data", onData);
    if (unread.length > 0) socket.unshift(unread);
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true;
    return this.#socket.write(bytes);
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  pause(): void {
    this.#flow = "paused";
    this.#socket.pause();
  }

  resume(): void {
    this.#flow = "on";
    this.#socket.resume();
  }

  /**
   * Lets other connections have their turn after MAX_FULL_READS: libuv reads up to 32 times
   * from one that always has more, two megabytes before anyone else is heard.
   */
  hasRead(bytes: number): void {
    this.#fullReads = bytes < FULL_READ_BYTES ? 0 : this.#fullReads + 1;
    if (this.#fullReads < MAX_FULL_READS || this.#flow !== "on") return;
    this.#fullReads = 0;
    this.#flow = "yielding";
    this.#socket.pause();
    setImmediate(() => {
      if (this.#flow === "yielding") this.resume();
    });
  }

  end(): void {
    if (this.#socket.writable) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** For `unwrapSocket`. */
  unwrap(): BareSocket {
    const socket = this.#socket;
    socket.off("error", onError);
    socket.off("close", onClose);
    socket.off("end", onEnd);
    socket.off("drain", onDrain);
    socket.off("data", onData);
    socket.on("error", () => undefined);
    this.#flow = "paused";
    this.#handler = undefined;
    return { socket, ends: { local: this.local, remote: this.remote } };
  }

  /** The owner, for the shared listeners; undefined before `start`. */
  get handler(): ConnectionHandler | undefined {
    return this.#handler;
  }

  /** Keeps the first error of the socket. */
  failed(error: NodeJS.ErrnoException): void {
    this.#fault ??= networkFault(error);
  }

  /** The socket is closed: tells the owner, now or when there is one. */
  tellClosed(): void {
    if (this.#state === "open") this.#state = "closed";
    if (this.#state !== "closed" || this.#handler === undefined) return;
    this.#state = "told";
    this.#handler.closed(this.#fault);
  }
}

function onData(this: Socket, bytes: Uint8Array): void {
  const owner = (this as OwnedSocket)[OWNER];
  owner.hasRead(bytes.length);
  owner.handler?.data(bytes);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[OWNER].handler?.end();
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[OWNER].handler?.drain();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as OwnedSocket)[OWNER].failed(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[OWNER].tellClosed();
}

/** The address of one end; 0.0.0.0 for a peer that had gone before it could be asked. */
function tcpEndpoint(
  address: string | undefined,
  port: number | undefined,
): Extract<Endpoint, { readonly kind: "tcp" }> {
  const host = address?.startsWith("::ffff:") === true ? address.slice(7) : address;
  return { kind: "tcp", host: host ?? "0.0.0.0", port: port ?? 0 };
}
