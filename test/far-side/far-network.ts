/**
 * The way to those servers in the simulated world: some connections do not come about, as the
 * hosts at their ends are minded.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type {
  Connection,
  ConnectOptions,
  Listening,
  Network,
  NetworkFault,
} from "#base/ports/network.ts";
import type { FarHost } from "#test/support/far-side/far-host.ts";
import type { Deed } from "#test/support/far-side/trouble.ts";
import type { SimNetwork, SimNetworkFault } from "#world/sim/network.ts";

export class FarNetwork implements Network {
  readonly #network: SimNetwork;
  readonly #hosts: ReadonlyMap<string, FarHost>;

  constructor(network: SimNetwork, hosts: readonly FarHost[]) {
    this.#network = network;
    this.#hosts = new Map(
      hosts.flatMap((host) =>
        host.settings.endpoints.map((endpoint) => [formatEndpoint(endpoint), host] as const),
      ),
    );
  }

  listen(
    endpoint: Endpoint,
    accept: (connection: Connection) => void,
  ): Promise<Listening | NetworkFault> {
    return this.#network.listen(endpoint, accept);
  }

  connect(endpoint: Endpoint, options: ConnectOptions): Promise<Connection | NetworkFault> {
    const deed = this.#hosts.get(formatEndpoint(endpoint))?.deedAt("connect");
    if (deed !== undefined) this.#network.fail(endpoint, faultOf(deed), 1);
    return this.#network.connect(endpoint, options);
  }
}

function faultOf({ kind }: Deed): SimNetworkFault {
  if (kind === "refuse") return { kind };
  if (kind === "unreachable") return { kind: "refuse", code: "EHOSTUNREACH" };
  if (kind === "black-hole") return { kind };
  throw new TypeError(`Cannot ${kind} before there is a connection`);
}
