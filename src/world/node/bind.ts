/**
 * Binds an endpoint without listening on it, so that the parent process can
 * give the descriptor to the child that accepts there.
 *
 * A net.Server of the parent would accept clients itself. The only way in Node
 * to bind and no more is `net._createServerHandle`, which is undocumented: this
 * file and its test are the only places that know it. What it returns may be sent to
 * a child process, over Node's channel, as a server may.
 *
 * Limits: two sockets may be bound to one TCP port as long as neither listens;
 * the second child then fails to listen with EADDRINUSE.
 */
import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync } from "node:fs";
import net from "node:net";
import { getSystemErrorMap, getSystemErrorName } from "node:util";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { NetworkFault } from "#base/ports/network.ts";
import { networkFault } from "./connection.ts";
import { clearSocketPath } from "./socket-path.ts";

export interface BindOptions {
  /** Mode bits of a UNIX socket; 0666 if left out. */
  readonly mode?: number;
  /** Owner of a UNIX socket, for chown(2): -1 leaves uid or gid as it is. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

export interface BoundSocket {
  /** The endpoint as bound; a port of 0 has become the real one. */
  readonly endpoint: Endpoint;
  /** For the `stdio` of a child; belongs to this object. */
  readonly fd: number;
  /** For a child that runs; it gets a handle of its own. */
  readonly handle: ListenerHandle;
  /** Closes the descriptor, and removes the file of a UNIX socket. */
  close(): void;
}

/** A bound socket as Node wraps it: in the parent that bound it, and in the child that got it. */
export interface ListenerHandle {
  readonly fd: number;
  close(): void;
}

const DEFAULT_SOCKET_MODE = 0o666;

/** libuv's UV_TCP_IPV6ONLY: an IPv6 socket takes no IPv4 clients. */
const IPV6_ONLY = 1;

/** What Node's inner handles offer; errors are negative numbers. */
interface ServerHandle extends ListenerHandle {
  getsockname?(into: { address?: string; port?: number }): number;
}

type CreateServerHandle = (
  ...given: [address: string, port: number, family: 4 | 6 | -1, fd: undefined, flags: number]
) => ServerHandle | number;

/** Binds `endpoint`; a live UNIX socket is never replaced, a stale one is. */
export async function bindEndpoint(
  endpoint: Endpoint,
  options: BindOptions = {},
): Promise<BoundSocket | NetworkFault> {
  if (endpoint.kind === "unix") {
    const taken = await clearSocketPath(endpoint.path);
    if (taken !== undefined) return taken;
  }
  const handle = createHandle(endpoint);
  if (typeof handle === "number") return bindFault(endpoint, handle);
  if (endpoint.kind === "unix") {
    const fault = giveAway(endpoint.path, options);
    if (fault === undefined) {
      return { endpoint, fd: handle.fd, handle, close: () => handle.close() };
    }
    handle.close();
    return fault;
  }
  const name: { address?: string; port?: number } = {};
  // libuv keeps EADDRINUSE back until the socket is used for something.
  const status = handle.getsockname?.(name) ?? 0;
  if (status < 0) {
    handle.close();
    return bindFault(endpoint, status);
  }
  return {
    endpoint: { kind: "tcp", host: endpoint.host, port: name.port ?? endpoint.port },
    fd: handle.fd,
    handle,
    close: () => handle.close(),
  };
}

/** asm-generic/fcntl.h: a descriptor of what a path names, whatever it is; Node does not name it. */
const O_PATH = 0o10000000;

/**
 * Nobody listens yet, so nobody can connect before this is done.
 *
 * The folder may be another user's, who has put a link to any file there meanwhile: what is
 * given away is what was looked at, and a socket.
 */
export function giveAway(path: string, { owner, mode }: BindOptions): NetworkFault | undefined {
  try {
    const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(fd).isSocket()) return noSocket(path);
      // Such a descriptor is not written by, and is changed by its name alone.
      const pinned = `/proc/self/fd/${fd}`;
      if (owner !== undefined) chownSync(pinned, owner.uid, owner.gid);
      chmodSync(pinned, mode ?? DEFAULT_SOCKET_MODE);
      return undefined;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return networkFault(error as NodeJS.ErrnoException);
  }
}

function noSocket(path: string): NetworkFault {
  const message = `cannot listen on ${path}: the file there is no socket`;
  return { kind: "network-fault", code: "EADDRINUSE", message };
}

function createHandle(endpoint: Endpoint): ServerHandle | number {
  const { _createServerHandle: create } = net as unknown as {
    readonly _createServerHandle: CreateServerHandle;
  };
  if (endpoint.kind === "unix") return create(endpoint.path, -1, -1, undefined, 0);
  const family = net.isIP(endpoint.host);
  if (family !== 4 && family !== 6) {
    throw new TypeError(`Cannot bind '${endpoint.host}': not an address`);
  }
  return create(endpoint.host, endpoint.port, family, undefined, family === 6 ? IPV6_ONLY : 0);
}

function bindFault(endpoint: Endpoint, status: number): NetworkFault {
  const why = getSystemErrorMap().get(status)?.[1] ?? "unknown error";
  return {
    kind: "network-fault",
    code: getSystemErrorName(status),
    message: `Cannot bind ${formatEndpoint(endpoint)}: ${why}`,
  };
}
