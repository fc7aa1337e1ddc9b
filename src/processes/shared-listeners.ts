/**
 * Listening for several parts of one process that accept on the same endpoints, as
 * child processes do on descriptors that they inherit.
 *
 * Bound once; each connection goes to one of those that accept there, in turn, and
 * ends when that one dies. What comes while nobody accepts waits, as in a backlog.
 */
import { type Endpoint, formatEndpoint, type Peer } from "#base/endpoint.ts";
import { MortalConnections } from "#base/ports/mortal-connections.ts";
import type { Connection, Listening, Network, NetworkFault } from "#base/ports/network.ts";
import type { Tls } from "#base/ports/tls.ts";

/** Connections that may wait for somebody to accept them. */
const MAX_WAITING = 1024;

type Accept = (connection: Connection) => void;

interface Shared {
  readonly listening: Listening;
  readonly waiting: Connection[];
  /** The first is the next to get one. */
  takers: Accept[];
}

export class SharedListeners {
  readonly #network: Network;
  readonly #shared = new Map<string, Shared>();

  constructor(network: Network) {
    this.#network = network;
  }

  async bind(endpoint: Endpoint): Promise<NetworkFault | undefined> {
    const waiting: Connection[] = [];
    const key = formatEndpoint(endpoint);
    const listening = await this.#network.listen(endpoint, (connection) => {
      waiting.push(connection);
      if (waiting.length > MAX_WAITING) waiting.shift()?.destroy();
      handOut(this.#shared.get(key));
    });
    if ("code" in listening) return listening;
    this.#shared.set(key, { listening, waiting, takers: [] });
    return undefined;
  }

  /** Whoever accepts on it gets no more clients. */
  unbind(endpoint: Endpoint): void {
    const key = formatEndpoint(endpoint);
    const shared = this.#shared.get(key);
    if (shared === undefined) return;
    this.#shared.delete(key);
    end(shared);
  }

  has(endpoint: Endpoint): boolean {
    return this.#shared.has(formatEndpoint(endpoint));
  }

  /** The network for one of those that accept; `network` is what it connects with. */
  lend(network: Network): LentNetwork {
    return new LentNetwork(network, this.#shared);
  }

  close(): void {
    for (const shared of this.#shared.values()) end(shared);
    this.#shared.clear();
  }
}

function end({ listening, waiting }: Shared): void {
  listening.close();
  for (const connection of waiting) connection.destroy();
}

export class LentNetwork implements Network {
  readonly #network: Network;
  readonly #shared: ReadonlyMap<string, Shared>;
  readonly #takers = new Map<Shared, Accept>();
  readonly #connections = new MortalConnections();

  constructor(network: Network, shared: ReadonlyMap<string, Shared>) {
    this.#network = network;
    this.#shared = shared;
  }

  /** `tls` for the connections that it accepts. */
  tls(tls: Tls): Tls {
    return this.#connections.tls(tls);
  }

  /** Its connections break, and it gets no more. */
  die(): void {
    for (const shared of this.#takers.keys()) this.#leave(shared);
    this.#connections.die();
  }

  connect: Network["connect"] = (endpoint, options) => this.#network.connect(endpoint, options);

  listen(endpoint: Endpoint, accept: Accept): Promise<Listening | NetworkFault> {
    return this.listenForOthers(endpoint, (connection) => accept(this.own(connection)));
  }

  /** `connection`, which breaks when this one dies, with `remote` at its other end. */
  own(connection: Connection, remote?: Peer): Connection {
    return this.#connections.own(connection, remote);
  }

  /** Of what is accepted nothing is its own: it is handed on. */
  async listenForOthers(endpoint: Endpoint, take: Accept): Promise<Listening | NetworkFault> {
    const shared = this.#shared.get(formatEndpoint(endpoint));
    if (shared === undefined) return this.#network.listen(endpoint, take);
    this.#takers.set(shared, take);
    shared.takers.push(take);
    handOut(shared);
    return { endpoint: shared.listening.endpoint, close: () => this.#leave(shared) };
  }

  #leave(shared: Shared): void {
    const taker = this.#takers.get(shared);
    shared.takers = shared.takers.filter((each) => each !== taker);
  }
}

/** Gives what waits to those that accept. */
function handOut(shared: Shared | undefined): void {
  if (shared === undefined) return;
  for (;;) {
    const taker = shared.takers.shift();
    if (taker === undefined) return;
    const connection = shared.waiting.shift();
    if (connection === undefined) {
      shared.takers.unshift(taker);
      return;
    }
    shared.takers.push(taker);
    taker(connection);
  }
}
