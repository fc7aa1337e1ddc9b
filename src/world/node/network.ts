/**
 * The network of the machine: net.Server and net.Socket behind the port.
 *
 * A listener whose endpoint is in `inherited` is served on that descriptor,
 * which the parent process bound (bind.ts); any other is bound here. IPv6
 * listeners take IPv6 only, and anybody may connect to a UNIX socket that is made
 * here: who may is the owner's business. Too many open files (`EMFILE`) costs the
 * connection that was to be accepted; callers cap sessions well below the limit.
 */
import net, { type Server, type Socket } from "node:net";
import { chmod } from "node:fs/promises";
import { type Endpoint, formatEndpoint, unasked } from "#base/endpoint.ts";
import type {
  Connection,
  ConnectOptions,
  Listening,
  Network,
  NetworkFault,
} from "#base/ports/network.ts";
import { networkFault, wrapSocket } from "./connection.ts";
import { clearSocketPath } from "./socket-path.ts";

export interface NodeNetworkOptions {
  /** Bound descriptors of this process by `formatEndpoint`; each is asked for once. */
  readonly inherited?: { get(endpoint: string): number | undefined };
}

/** Connections that wait to be accepted: Linux's own bound. A client beyond it is not refused: it may wait for its greeting for ever. */
const BACKLOG = 4096;
const SOCKET_MODE = 0o666;

/** The machine's network. */
export function nodeNetwork(options: NodeNetworkOptions = {}): Network {
  return {
    listen: (endpoint, accept) => listen(endpoint, accept, options),
    connect,
  };
}

async function listen(
  endpoint: Endpoint,
  accept: (connection: Connection) => void,
  options: NodeNetworkOptions,
): Promise<Listening | NetworkFault> {
  const fd = options.inherited?.get(formatEndpoint(endpoint));
  if (fd === undefined && endpoint.kind === "unix") {
    const taken = await clearSocketPath(endpoint.path);
    if (taken !== undefined) return taken;
  }
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  const failed = await bound(server, listenOptions(endpoint, fd));
  if (failed !== undefined) return failed;
  if (fd === undefined && endpoint.kind === "unix") {
    await chmod(endpoint.path, SOCKET_MODE);
  }
  const local = boundEndpoint(server, endpoint);
  server.on("connection", acceptor(local, accept));
  server.on("error", () => undefined); // of accept(2)
  return { endpoint: local, close: () => server.close() };
}

function listenOptions(endpoint: Endpoint, fd: number | undefined): net.ListenOptions {
  if (fd !== undefined) return { fd } as net.ListenOptions;
  if (endpoint.kind === "unix") return { path: endpoint.path };
  return { host: endpoint.host, port: endpoint.port, ipv6Only: true, exclusive: true };
}

/**
 * Starts listening; what went wrong, or undefined. The backlog is an argument of its
 * own: with a descriptor Node does not look for it among the options.
 */
function bound(server: Server, options: net.ListenOptions): Promise<NetworkFault | undefined> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => resolve(networkFault(error));
    server.once("error", onError);
    server.listen(options, BACKLOG, () => {
      server.off("error", onError);
      resolve(undefined);
    });
  });
}

function boundEndpoint(server: Server, asked: Endpoint): Endpoint {
  const address = server.address();
  if (asked.kind === "unix" || address === null || typeof address === "string") return asked;
  return { kind: "tcp", host: address.address, port: address.port };
}

function acceptor(
  listener: Endpoint,
  accept: (connection: Connection) => void,
): (socket: Socket) => void {
  if (listener.kind === "unix") {
    const ends = { local: listener, remote: unasked(listener) };
    return (socket) => accept(wrapSocket(socket, ends));
  }
  const isWildcard = listener.host === "0.0.0.0" || listener.host === "::";
  const known = isWildcard ? {} : { local: listener };
  return (socket) => accept(wrapSocket(socket, known));
}

async function connect(
  endpoint: Endpoint,
  { timeoutMs, sourceAddress, signal }: ConnectOptions,
): Promise<Connection | NetworkFault> {
  if (endpoint.kind === "tcp" && net.isIP(endpoint.host) === 0) {
    throw new TypeError(`Cannot connect to '${endpoint.host}': not an address`);
  }
  return new Promise((resolve) => {
    const socket = net.connect({
      ...(endpoint.kind === "unix"
        ? { path: endpoint.path }
        : { host: endpoint.host, port: endpoint.port, autoSelectFamily: false }),
      ...(sourceAddress === undefined ? {} : { localAddress: sourceAddress }),
      allowHalfOpen: true,
      noDelay: true,
    });
    const onError = (error: Error): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(networkFault(error));
    };
    const timer = setTimeout(() => {
      const message = `Cannot connect to ${formatEndpoint(endpoint)}: no answer`;
      onError(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
    }, timeoutMs);
    const onAbort = (): void => {
      const message = `Cannot connect to ${formatEndpoint(endpoint)}: given up`;
      onError(Object.assign(new Error(message), { code: "ECANCELED" }));
    };
    signal?.addEventListener("abort", onAbort);
    socket.on("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      const isUnix = endpoint.kind === "unix";
      const remote = unasked(endpoint);
      const connection = wrapSocket(
        socket,
        isUnix ? { local: { kind: "unix", path: "" }, remote } : { remote },
      );
      socket.off("error", onError);
      resolve(connection);
    });
  });
}
