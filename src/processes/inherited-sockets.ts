/**
 * The bound sockets of a child process: those that it was started with, and those that
 * the parent hands over later, for a configuration that is to be taken up.
 *
 * A descriptor is used once. From then on it belongs to the server that accepts on it,
 * which closes it; nothing of it is left here under which a later one could be missed.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Network } from "#base/ports/network.ts";
import type { ListenerHandle } from "#world/node/bind.ts";
import { nodeNetwork } from "#world/node/network.ts";

/** What it was started with belongs to no later configuration. */
const AT_START = 0;

interface Inherited {
  readonly fd: number;
  readonly generation: number;
  readonly handle: ListenerHandle | undefined;
}

export class InheritedSockets {
  readonly #sockets = new Map<string, Inherited>();
  /** A wrapped socket that nobody can reach any more could be closed under its server. */
  readonly #used: ListenerHandle[] = [];
  /** Looks again whether what is waited for is there. */
  #look: (() => void) | undefined;

  /** The descriptors follow each other in the order of `endpoints`. */
  constructor(endpoints: readonly Endpoint[], firstFd: number) {
    for (const [index, endpoint] of endpoints.entries()) {
      this.#sockets.set(formatEndpoint(endpoint), {
        fd: firstFd + index,
        generation: AT_START,
        handle: undefined,
      });
    }
  }

  /** Takes a socket that the parent has bound for the configuration `generation`. */
  add(endpoint: string, generation: number, handle: ListenerHandle): void {
    // One that was never used was bound for a configuration that was given up.
    this.#sockets.get(endpoint)?.handle?.close();
    this.#sockets.set(endpoint, { fd: handle.fd, generation, handle });
    this.#look?.();
  }

  /**
   * Resolves once there is a socket for each of `endpoints` that was bound for `generation`;
   * never if another generation is waited for by then, as this one was given up.
   */
  async arrived(endpoints: readonly Endpoint[], generation: number): Promise<void> {
    const keys = endpoints.map(formatEndpoint);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = () => {
      if (keys.every((key) => this.#sockets.get(key)?.generation === generation)) resolve();
    };
    this.#look();
    await promise;
  }

  /** Each is asked for once: whoever gets one listens on it. */
  get descriptors(): { get(endpoint: string): number | undefined } {
    return { get: (key) => this.#use(key) };
  }

  /** Listens on what is inherited, and binds the rest itself. */
  network(): Network {
    return nodeNetwork({ inherited: this.descriptors });
  }

  #use(key: string): number | undefined {
    const socket = this.#sockets.get(key);
    this.#sockets.delete(key);
    if (socket?.handle !== undefined) this.#used.push(socket.handle);
    return socket?.fd;
  }
}
