/**
 * What the parent binds where all roles are in one process: nothing is handed over, as
 * everybody can reach what is bound (shared-listeners.ts).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Config } from "#model/config/config.ts";
import type { BoundSockets, CannotBind, Rebinding } from "./bound-sockets.ts";
import type { SharedListeners } from "./shared-listeners.ts";

export class SharedSockets implements BoundSockets {
  readonly listenerFds: readonly number[] = [];
  readonly controlFd: number = -1;
  readonly #listeners: SharedListeners;
  /** Of the configuration in use. */
  #endpoints: readonly Endpoint[] = [];

  constructor(listeners: SharedListeners) {
    this.#listeners = listeners;
  }

  fdsOf(): readonly number[] {
    return this.listenerFds;
  }

  async rebind(config: Config): Promise<Rebinding | CannotBind> {
    const fresh: Endpoint[] = [];
    const abandon = (): void => {
      for (const endpoint of fresh) this.#listeners.unbind(endpoint);
    };
    for (const { endpoint, at } of config.listeners) {
      if (this.#listeners.has(endpoint)) continue;
      const fault = await this.#listeners.bind(endpoint);
      if (fault !== undefined) {
        abandon();
        const why = `cannot listen on ${formatEndpoint(endpoint)}: ${fault.message}`;
        return { kind: "cannot-bind", at, why };
      }
      fresh.push(endpoint);
    }
    return {
      kind: "rebinding",
      fresh: fresh.map((endpoint) => ({
        endpoint: formatEndpoint(endpoint),
        kind: endpoint.kind,
        handle: undefined,
      })),
      commit: () => this.#commit(config.listeners.map(({ endpoint }) => endpoint)),
      abandon,
    };
  }

  close(): void {
    this.#listeners.close();
  }

  #commit(endpoints: readonly Endpoint[]): void {
    const wanted = new Set(endpoints.map(formatEndpoint));
    for (const endpoint of this.#endpoints) {
      if (!wanted.has(formatEndpoint(endpoint))) this.#listeners.unbind(endpoint);
    }
    this.#endpoints = endpoints;
  }
}
