/**
 * Sockets that a service manager has bound and handed on: they are there before the
 * daemon is and while it is restarted, and who connects meanwhile waits.
 *
 * Source: sd_listen_fds(3). Descriptors begin with 3, LISTEN_FDS says how many there are
 * and LISTEN_PID for which process. Which is which is seen from the sockets themselves:
 * names that somebody gave them may be wrong.
 */
import { readFileSync, readlinkSync } from "node:fs";
import net from "node:net";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { type BindOptions, type BoundSocket, giveAway, type ListenerHandle } from "./bind.ts";
import type { NetworkFault } from "#base/ports/network.ts";

const FIRST_FD = 3;
/** Sockets of one service; the descriptors above may be anything. */
const MAX_SOCKETS = 64;

/** What Node's inner handles offer; errors are negative numbers. */
interface WrappedHandle extends ListenerHandle {
  getsockname?(into: { address?: string; port?: number }): number;
}

type WrapHandle = (
  ...given: [address: undefined, port: undefined, family: undefined, fd: number]
) => WrappedHandle | number;

interface Activated {
  readonly endpoint: Endpoint;
  readonly handle: ListenerHandle;
}

export interface ActivatedSockets {
  /** The first descriptor that none of them has. */
  readonly endFd: number;
  /** The socket that is bound to `endpoint`, once; undefined if there is none. */
  take(endpoint: Endpoint, options: BindOptions): BoundSocket | NetworkFault | undefined;
  /** Those that nobody has taken yet. */
  untaken(): readonly Endpoint[];
}

/** How many descriptors from 3 on are sockets for the process `pid`. */
export function activatedCount(environment: NodeJS.ProcessEnv, pid: number): number {
  if (environment["LISTEN_PID"] !== String(pid)) return 0;
  const count = Number(environment["LISTEN_FDS"]);
  return Number.isSafeInteger(count) && count > 0 ? Math.min(count, MAX_SOCKETS) : 0;
}

/** What is no socket, or of a kind that mail does not come by, is left alone. */
export function activatedSockets(environment: NodeJS.ProcessEnv, pid: number): ActivatedSockets {
  const found = new Map<string, Activated>();
  const endFd = FIRST_FD + activatedCount(environment, pid);
  for (let fd = FIRST_FD; fd < endFd; fd++) {
    const each = wrapped(fd);
    if (each !== undefined) found.set(formatEndpoint(each.endpoint), each);
  }
  return {
    endFd,
    take(endpoint, options) {
      const key = formatEndpoint(endpoint);
      const each = found.get(key);
      if (each === undefined) return undefined;
      if (endpoint.kind === "unix") {
        const fault = giveAway(endpoint.path, options);
        if (fault !== undefined) return fault;
      }
      found.delete(key);
      const { handle } = each;
      return { endpoint, fd: handle.fd, handle, close: () => handle.close() };
    },
    untaken: () => Array.from(found.values(), ({ endpoint }) => endpoint),
  };
}

function wrapped(fd: number): Activated | undefined {
  const path = socketPathOf(fd);
  if (path === undefined) return undefined;
  // As in bind.ts: the only way in Node to have a listening socket without listening on it.
  const { _createServerHandle: wrap } = net as unknown as {
    readonly _createServerHandle: WrapHandle;
  };
  const handle = wrap(undefined, undefined, undefined, fd);
  if (typeof handle === "number") return undefined;
  if (path !== "") return { endpoint: { kind: "unix", path }, handle };
  const name: { address?: string; port?: number } = {};
  const { address, port } = (handle.getsockname?.(name) ?? -1) < 0 ? {} : name;
  if (address === undefined || port === undefined) {
    handle.close();
    return undefined;
  }
  return { endpoint: { kind: "tcp", host: address, port }, handle };
}

/**
 * The path of a UNIX-domain socket, which libuv does not tell; "" for another socket, and
 * undefined for what is none.
 */
function socketPathOf(fd: number): string | undefined {
  const [, inode] = /^socket:\[(\d+)\]$/u.exec(linkOf(fd)) ?? [];
  if (inode === undefined) return undefined;
  // proc_net(5): Num, RefCount, Protocol, Flags, Type, St, Inode, Path.
  const line = readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((each) => /^(?:\S+ +){6}(\d+) (\S.*)$/u.exec(each.trim()))
    .find((fields) => fields?.[1] === inode);
  return line?.[2] ?? "";
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ""; // It is not open.
  }
}
