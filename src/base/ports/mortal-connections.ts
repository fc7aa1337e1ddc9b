/**
 * The connections of one who can die: a process of a simulated world, or a part of a
 * mail system in one process.
 *
 * They break at its death, as the system closes a dead process's descriptors. Its
 * handlers hear nothing from then on, not even that.
 */
import type { Peer } from "#base/endpoint.ts";
import type { Connection, ConnectionHandler } from "./network.ts";
import type { Secured, Tls, TlsFault } from "./tls.ts";

export class MortalConnections {
  readonly #open = new Set<Connection>();
  /** What is behind those that their owner has. */
  readonly #inner = new WeakMap<Connection, Connection>();
  #state: "alive" | "dead" = "alive";

  /** `connection` as its owner has it, with `remote` at its other end. */
  own(connection: Connection, remote: Peer = connection.remote): Connection {
    if (this.#state === "alive") this.#open.add(connection);
    else connection.destroy();
    const owned: Connection = {
      remote,
      local: connection.local,
      get unsentBytes() {
        return connection.unsentBytes;
      },
      start: (handler) => connection.start(this.#mortal(connection, handler)),
      write: (bytes) => connection.write(bytes),
      writeAll: (pieces) => connection.writeAll(pieces),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      handOver: (unread) => connection.handOver(unread),
      end: () => connection.end(),
      destroy: () => connection.destroy(),
    };
    this.#inner.set(owned, connection);
    return owned;
  }

  /** TLS for these connections, by what does it for those behind them. */
  tls(tls: Tls): Tls {
    return {
      server: (options) => {
        const server = tls.server(options);
        if ("kind" in server) return server;
        return {
          accept: (connection, timeoutMs) =>
            this.#secure(connection, (inner) => server.accept(inner, timeoutMs)),
        };
      },
      client: (options) => {
        const client = tls.client(options);
        if ("kind" in client) return client;
        return {
          connect: (connection, asked) =>
            this.#secure(connection, (inner) => client.connect(inner, asked)),
        };
      },
    };
  }

  /** The owner dies. */
  die(): void {
    this.#state = "dead";
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
  }

  async #secure<By extends Secured>(
    connection: Connection,
    secure: (inner: Connection) => Promise<By | TlsFault>,
  ): Promise<By | TlsFault> {
    const inner = this.#inner.get(connection);
    if (inner === undefined) throw new TypeError("Cannot secure a connection of someone else");
    const secured = await secure(inner);
    this.#open.delete(inner);
    if (secured.kind === "tls-fault") return secured;
    return { ...secured, connection: this.own(secured.connection) };
  }

  #mortal(connection: Connection, handler: ConnectionHandler): ConnectionHandler {
    const ifAlive = (tell: () => void): void => {
      if (this.#state === "alive") tell();
    };
    return {
      data: (bytes) => ifAlive(() => handler.data(bytes)),
      end: () => ifAlive(() => handler.end()),
      drain: () => ifAlive(() => handler.drain()),
      closed: (fault) => {
        this.#open.delete(connection);
        ifAlive(() => handler.closed(fault));
      },
    };
  }
}
