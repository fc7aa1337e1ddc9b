/**
 * The listeners that a dispatcher accepts on, over changes of the configuration.
 *
 * A change comes in two steps. `prepare` opens what is new, and its clients wait;
 * then either `takeUp` has every client that comes be served by the new configuration
 * and closes what it does not have, or `abandon` leaves all as it was. What is in both
 * stays open throughout: no client is refused meanwhile.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { Connection, Listening, Network } from "#base/ports/network.ts";
import type { Listener } from "#model/config/listener.ts";

/** Clients of a listener that wait for it to be taken up; beyond it they are cut off. */
const MAX_HELD = 256;

export interface Opening {
  takeUp(): void;
  abandon(): void;
}

export type Accept = (connection: Connection, listener: Listener) => void;

interface Door {
  readonly listening: Listening;
  /** Undefined until it is taken up. */
  listener: Listener | undefined;
  readonly held: Connection[];
}

export class OpenListeners {
  readonly #network: Network;
  readonly #accept: Accept;
  /** By endpoint. */
  #doors: ReadonlyMap<string, Door> = new Map();

  constructor(network: Network, accept: Accept) {
    this.#network = network;
    this.#accept = accept;
  }

  /** Those of `listeners` that are not open. */
  missing(listeners: readonly Listener[]): readonly Listener[] {
    return listeners.filter(({ endpoint }) => !this.#doors.has(formatEndpoint(endpoint)));
  }

  /** Opens what is missing; the string says what cannot be opened, and then nothing was. */
  async prepare(listeners: readonly Listener[]): Promise<Opening | string> {
    const opened = new Map<string, Door>();
    for (const { endpoint } of this.missing(listeners)) {
      const door = await this.#open(endpoint);
      if (typeof door === "string") {
        for (const each of opened.values()) close(each);
        return door;
      }
      opened.set(formatEndpoint(endpoint), door);
    }
    return {
      takeUp: () => this.#takeUp(listeners, opened),
      abandon: () => {
        for (const door of opened.values()) close(door);
      },
    };
  }

  async #open(endpoint: Listener["endpoint"]): Promise<Door | string> {
    const held: Connection[] = [];
    let door: Door | undefined;
    const listening = await this.#network.listen(endpoint, (connection) => {
      if (door?.listener !== undefined) this.#accept(connection, door.listener);
      else if (held.length < MAX_HELD) held.push(connection);
      else connection.destroy();
    });
    if ("code" in listening) return listening.message;
    door = { listening, listener: undefined, held };
    return door;
  }

  #takeUp(listeners: readonly Listener[], opened: ReadonlyMap<string, Door>): void {
    const before = this.#doors;
    const after = new Map<string, Door>();
    for (const listener of listeners) {
      const key = formatEndpoint(listener.endpoint);
      const door = before.get(key) ?? opened.get(key);
      if (door === undefined) throw new TypeError(`Cannot take up ${key}: it is not open`);
      door.listener = listener;
      after.set(key, door);
    }
    this.#doors = after;
    for (const [key, door] of before) if (!after.has(key)) close(door);
    for (const { held, listener } of opened.values()) {
      if (listener === undefined) continue;
      for (const connection of held.splice(0)) this.#accept(connection, listener);
    }
  }
}

function close({ listening, held }: Door): void {
  listening.close();
  for (const connection of held.splice(0)) connection.destroy();
}
