/**
 * Accepts on bound UNIX-domain sockets and hands each client on to the parent process with
 * the user that the system names: nothing of what a client sends is read here.
 *
 * One socket is on its way at a time: Node sends the next when the parent has answered for
 * the last. What this process has of a socket is closed as soon as it is sent.
 */
import net, { type Socket } from "node:net";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { LocalClient, LocalDoor } from "#base/ports/local-door.ts";
import type { NetworkFault } from "#base/ports/network.ts";
import { networkFault } from "./connection.ts";
import type { PeerUid } from "./peer-credentials.ts";

/** As of other listeners (network.ts). */
const BACKLOG = 4096;
/** Clients that were not handed on yet, or are being turned away; more are cut off. */
const MAX_OPEN = 512;
/** A client that was turned away has so long to go. */
const LINGER_MS = 2_000;
/** So many have: the next is cut off once it was told, so that one user never has all of MAX_OPEN. */
const MAX_LINGERING = 128;

/** @param inherited bound descriptors of this process; each is asked for once. */
export function nodeLocalDoor(
  inherited: { get(endpoint: string): number | undefined },
  peerUid: PeerUid,
): LocalDoor {
  const lingering = new Set<Socket>();
  return {
    listen(endpoint, accept) {
      const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
        socket.on("error", () => undefined);
        const uid = peerUid(socket);
        // Nobody is let in whom the system does not name.
        if (uid === undefined) socket.destroy();
        else accept(new NodeClient(socket, { endpoint: formatEndpoint(endpoint), uid, lingering }));
      });
      server.maxConnections = MAX_OPEN;
      return listening(server, endpoint, inherited.get(formatEndpoint(endpoint)));
    },
  };
}

function listening(
  server: net.Server,
  endpoint: Endpoint,
  fd: number | undefined,
): ReturnType<LocalDoor["listen"]> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<LocalDoor["listen"]>>>();
  if (fd === undefined) {
    const message = `Cannot listen on ${formatEndpoint(endpoint)}: it was not handed over`;
    const fault: NetworkFault = { kind: "network-fault", code: "EBADF", message };
    return Promise.resolve(fault);
  }
  // Out of descriptors: the client is cut off, and the next one may find room.
  server.on("error", (error) => resolve(networkFault(error)));
  server.listen({ fd }, BACKLOG, () => resolve({ endpoint, close: () => server.close() }));
  return promise;
}

interface ClientOf {
  readonly endpoint: string;
  readonly uid: number;
  /** Those that are being turned away. */
  readonly lingering: Set<Socket>;
}

class NodeClient implements LocalClient {
  readonly endpoint: string;
  readonly uid: number;
  readonly #socket: Socket;
  readonly #lingering: Set<Socket>;

  constructor(socket: Socket, { endpoint, uid, lingering }: ClientOf) {
    this.#socket = socket;
    this.endpoint = endpoint;
    this.uid = uid;
    this.#lingering = lingering;
  }

  pass(): Promise<void> {
    const { endpoint, uid } = this;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { _handle: handle } = this.#socket as unknown as { readonly _handle: net.Server | null };
    const sent = (): void => {
      this.#socket.destroy();
      resolve();
    };
    // Without its channel this process is about to end. Node sends a bare handle as it is.
    if (handle === null || process.send === undefined || !process.connected) sent();
    else process.send({ endpoint, uid }, handle, {}, sent);
    return promise;
  }

  turnAway(line: string): void {
    const [socket, lingering] = [this.#socket, this.#lingering];
    socket.end(line);
    if (lingering.size >= MAX_LINGERING) {
      socket.destroySoon();
      return;
    }
    lingering.add(socket);
    socket.once("close", () => lingering.delete(socket));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
