/**
 * The listeners that a process accepts on, over changes of the configuration: those of
 * a dispatcher, and those of local.
 *
 * A change comes in two steps. `prepare` opens what is new, and its clients wait;
 * then either `takeUp` has every client that comes be served by the new configuration
 * and closes what it does not have, or `abandon` leaves all as it was. What is in both
 * stays open throughout: no client is refused meanwhile.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Listening, NetworkFault } from "#base/ports/network.ts";
import type { Listener } from "#model/config/listener.ts";

/** Clients of a listener that wait for it to be taken up; beyond it they are cut off. */
const MAX_HELD = 256;

export interface Opening {
  takeUp(): void;
  abandon(): void;
}

/** Where clients come in: a network, or the door of local. */
export interface Entrance<Client> {
  listen(endpoint: Endpoint, accept: (client: Client) => void): Promise<Listening | NetworkFault>;
}

interface AcceptedClient {
  destroy(): void;
}

export type Accept<Client> = (client: Client, listener: Listener) => void;

interface Door<Client> {
  readonly listening: Listening;
  /** Undefined until it is taken up. */
  listener: Listener | undefined;
  readonly held: Client[];
}

export class OpenListeners<Client extends AcceptedClient> {
  readonly #entrance: Entrance<Client>;
  readonly #accept: Accept<Client>;
  /** By endpoint. */
  #doors: ReadonlyMap<string, Door<Client>> = new Map();

  constructor(entrance: Entrance<Client>, accept: Accept<Client>) {
    this.#entrance = entrance;
    this.#accept = accept;
  }

  /** Those of `listeners` that are not open. */
  missing(listeners: readonly Listener[]): readonly Listener[] {
    return listeners.filter(({ endpoint }) => !this.#doors.has(formatEndpoint(endpoint)));
  }

  /** Opens what is missing; the string says what cannot be opened, and then nothing was. */
  async prepare(listeners: readonly Listener[]): Promise<Opening | string> {
    const opened = new Map<string, Door<Client>>();
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

  async #open(endpoint: Listener["endpoint"]): Promise<Door<Client> | string> {
    const held: Client[] = [];
    let door: Door<Client> | undefined;
    const listening = await this.#entrance.listen(endpoint, (client) => {
      if (door?.listener !== undefined) this.#accept(client, door.listener);
      else if (held.length < MAX_HELD) held.push(client);
      else client.destroy();
    });
    if ("code" in listening) return listening.message;
    door = { listening, listener: undefined, held };
    return door;
  }

  #takeUp(listeners: readonly Listener[], opened: ReadonlyMap<string, Door<Client>>): void {
    const before = this.#doors;
    const after = new Map<string, Door<Client>>();
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
      for (const client of held.splice(0)) this.#accept(client, listener);
    }
  }
}

function close({ listening, held }: Door<AcceptedClient>): void {
  listening.close();
  for (const client of held.splice(0)) client.destroy();
}
