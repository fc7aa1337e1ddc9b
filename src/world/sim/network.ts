/**
 * A network in memory, with everything that real ones do to a mail server:
 * any split of the bytes, delay, refusal, silence, resets and stalls.
 *
 * Any address can be listened on and connected from. A listener on 0.0.0.0 or ::
 * takes what no other listener of that family and port takes. Port 0 becomes
 * the next free one from 49152 up, in the same order in each run.
 */
import { type Endpoint, formatEndpoint, unasked } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type {
  Connection,
  ConnectOptions,
  Listening,
  Network,
  NetworkFault,
} from "#base/ports/network.ts";
import { SimConnection, type SimConnectionSettings } from "./connection.ts";
import type { SimRandom } from "./random.ts";

/** What happens to connections opened to an endpoint. Bytes count from the first one sent. */
export type SimNetworkFault =
  /** `ECONNREFUSED` if no code is given. */
  | { readonly kind: "refuse"; readonly code?: string }
  /** No answer at all: the caller's time runs out. */
  | { readonly kind: "black-hole" }
  | {
      readonly kind: "reset-after" | "stall-after";
      readonly bytes: number;
      /** Whose bytes are counted and cut off. */
      readonly from: "client" | "server";
    };

const DEFAULTS: SimConnectionSettings = {
  latencyMs: 1,
  chunkBytes: "random",
  windowBytes: 65_536,
  highWaterBytes: 65_536,
};

/** RFC 6335 §6: the first dynamic port. */
const FIRST_FREE_PORT = 49_152;

interface Listener {
  readonly endpoint: Endpoint;
  readonly accept: (connection: Connection) => void;
}

export class SimNetwork implements Network {
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #settings: SimConnectionSettings;
  readonly #listeners = new Map<string, Listener>();
  readonly #faults = new Map<string, { readonly fault: SimNetworkFault; left: number }>();
  readonly #clients = new Set<SimConnection>();
  #nextPort = FIRST_FREE_PORT;

  constructor(clock: Clock, random: SimRandom, settings: Partial<SimConnectionSettings> = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#settings = { ...DEFAULTS, ...settings };
  }

  /** Connections that at least one end still has open. */
  get openConnections(): number {
    this.#forgetClosed();
    return this.#clients.size;
  }

  /** The next `times` connections to `endpoint` meet `fault`; all of them if left out. */
  fail(endpoint: Endpoint, fault: SimNetworkFault, times: number = Infinity): void {
    this.#faults.set(formatEndpoint(endpoint), { fault, left: times });
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Breaks every open connection: the network is gone for a moment. */
  resetAll(): void {
    for (const client of this.#clients) client.reset();
    this.#clients.clear();
  }

  /** Two ends of a new connection, without a listener. */
  pair(
    endpoint: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 },
  ): readonly [client: SimConnection, server: SimConnection] {
    return this.#join(endpoint, undefined);
  }

  async listen(
    endpoint: Endpoint,
    accept: (connection: Connection) => void,
  ): Promise<Listening | NetworkFault> {
    const bound =
      endpoint.kind === "tcp" && endpoint.port === 0
        ? { ...endpoint, port: this.#nextPort++ }
        : endpoint;
    const key = formatEndpoint(bound);
    if (this.#listeners.has(key))
      return networkFault("EADDRINUSE", `Cannot listen on ${key}: in use`);
    const listener: Listener = { endpoint: bound, accept };
    this.#listeners.set(key, listener);
    return {
      endpoint: bound,
      close: () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
      },
    };
  }

  async connect(
    endpoint: Endpoint,
    { timeoutMs, sourceAddress, signal }: ConnectOptions,
  ): Promise<Connection | NetworkFault> {
    if (endpoint.kind === "tcp") checkAddress(endpoint.host);
    const scripted = this.#takeFault(endpoint);
    const { latencyMs } = this.#settings;
    const isLost = scripted?.kind === "black-hole" || latencyMs > timeoutMs;
    await this.#pass(isLost ? timeoutMs : latencyMs, signal);
    if (signal?.aborted) return givenUp(endpoint);
    if (isLost)
      return networkFault("ETIMEDOUT", `Cannot connect to ${formatEndpoint(endpoint)}: no answer`);
    const listener = this.#listenerFor(endpoint);
    if (scripted?.kind === "refuse" || listener === undefined) {
      const code = scripted?.kind === "refuse" ? scripted.code : absentCode(endpoint);
      return networkFault(code ?? "ECONNREFUSED", `Cannot connect to ${formatEndpoint(endpoint)}`);
    }
    const [client, server] = this.#join(endpoint, sourceAddress);
    if (scripted !== undefined) script(scripted, client, server);
    listener.accept(server);
    return client;
  }

  #join(endpoint: Endpoint, sourceAddress: string | undefined): [SimConnection, SimConnection] {
    const source = this.#sourceFor(endpoint, sourceAddress);
    const client = new SimConnection(this.#clock, this.#random, this.#settings, {
      local: source,
      remote: unasked(endpoint),
    });
    const server = new SimConnection(this.#clock, this.#random, this.#settings, {
      local: endpoint,
      remote: unasked(endpoint.kind === "unix" ? endpoint : source),
    });
    SimConnection.join(client, server);
    this.#forgetClosed();
    this.#clients.add(client);
    return [client, server];
  }

  #sourceFor(endpoint: Endpoint, sourceAddress: string | undefined): Endpoint {
    if (endpoint.kind === "unix") return { kind: "unix", path: "" };
    const loopback = endpoint.host.includes(":") ? "::1" : "127.0.0.1";
    return { kind: "tcp", host: sourceAddress ?? loopback, port: this.#nextPort++ };
  }

  #forgetClosed(): void {
    for (const client of this.#clients) if (!client.isOpen) this.#clients.delete(client);
  }

  #takeFault(endpoint: Endpoint): SimNetworkFault | undefined {
    const scripted = this.#faults.get(formatEndpoint(endpoint));
    if (scripted === undefined || scripted.left <= 0) return undefined;
    scripted.left--;
    return scripted.fault;
  }

  #listenerFor(endpoint: Endpoint): Listener | undefined {
    const exact = this.#listeners.get(formatEndpoint(endpoint));
    if (exact !== undefined || endpoint.kind === "unix") return exact;
    const any = endpoint.host.includes(":") ? "::" : "0.0.0.0";
    return this.#listeners.get(formatEndpoint({ ...endpoint, host: any }));
  }

  /** Until then, or until nobody waits for it. */
  #pass(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      signal?.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }
}

/** Whose bytes will be cut off. */
function script(fault: SimNetworkFault, client: SimConnection, server: SimConnection): void {
  if (fault.kind === "refuse" || fault.kind === "black-hole") return;
  const { kind, bytes, from } = fault;
  (from === "client" ? client : server).failSending({ kind, bytes });
}

function givenUp(endpoint: Endpoint): NetworkFault {
  return networkFault("ECANCELED", `Cannot connect to ${formatEndpoint(endpoint)}: given up`);
}

function absentCode(endpoint: Endpoint): string {
  return endpoint.kind === "unix" ? "ENOENT" : "ECONNREFUSED";
}

function checkAddress(host: string): void {
  if (host.includes(":") || /^[\d.]+$/.test(host)) return;
  throw new TypeError(`Cannot connect to '${host}': not an address`);
}

function networkFault(code: string, message: string): NetworkFault {
  return { kind: "network-fault", code, message };
}
