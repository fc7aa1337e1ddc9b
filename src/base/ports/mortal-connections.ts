/**
 * The connections of one who can die: a process of a simulated world, or a part of a
 * mail system in one process.
 *
 * They break at its death, as the system closes a dead process's descriptors. Its
 * handlers hear nothing from then on, not even that.
 */
import type { Connection, ConnectionHandler } from "./network.ts";

export class MortalConnections {
  readonly #open = new Set<Connection>();
  #state: "alive" | "dead" = "alive";

  /** `connection` as its owner has it. */
  own(connection: Connection): Connection {
    if (this.#state === "alive") this.#open.add(connection);
    else connection.destroy();
    return {
      remote: connection.remote,
      local: connection.local,
      get unsentBytes() {
        return connection.unsentBytes;
      },
      start: (handler) => connection.start(this.#mortal(connection, handler)),
      write: (bytes) => connection.write(bytes),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      end: () => connection.end(),
      destroy: () => connection.destroy(),
    };
  }

  /** The owner dies. */
  die(): void {
    this.#state = "dead";
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
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
