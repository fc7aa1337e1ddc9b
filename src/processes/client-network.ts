/**
 * The network of a dispatcher, who does not accept on UNIX-domain sockets itself: their
 * clients are handed to it, with the user that the system names (local.ts).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Connection, Listening, Network, NetworkFault } from "#base/ports/network.ts";

type Accept = (connection: Connection) => void;

export class ClientNetwork implements Network {
  readonly #network: Network;
  readonly #doors = new Map<string, Accept>();

  constructor(network: Network) {
    this.#network = network;
  }

  connect: Network["connect"] = (endpoint, options) => this.#network.connect(endpoint, options);

  async listen(endpoint: Endpoint, accept: Accept): Promise<Listening | NetworkFault> {
    if (endpoint.kind === "tcp") return this.#network.listen(endpoint, accept);
    const key = formatEndpoint(endpoint);
    this.#doors.set(key, accept);
    return {
      endpoint,
      close: () => {
        if (this.#doors.get(key) === accept) this.#doors.delete(key);
      },
    };
  }

  /** A client of `endpoint` has been handed over; where nobody listens any more it is cut off. */
  arrived(endpoint: string, connection: Connection): void {
    const accept = this.#doors.get(endpoint);
    if (accept === undefined) connection.destroy();
    else accept(connection);
  }
}
