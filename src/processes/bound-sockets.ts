/**
 * What the parent binds before it starts anything: every listener of the
 * configuration, and the control socket. It never listens on them itself.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { NetworkFault } from "#base/ports/network.ts";
import { type Config, formatPlace } from "#model/config/config.ts";
import { bindEndpoint, type BoundSocket } from "#world/node/bind.ts";
import { type Accounts, socketOwner } from "./socket-owner.ts";

/** Root and the daemon's own user alone. */
const CONTROL_SOCKET_MODE = 0o600;

export interface BoundSockets {
  /** In the order of `config.listeners`. */
  readonly listenerFds: readonly number[];
  readonly controlFd: number;
  /** Closes them all and removes the socket files. */
  close(): void;
}

/** Binds all, or none and says what stood in the way. */
export async function bindSockets(
  config: Config,
  controlSocket: string,
  accounts: Accounts,
): Promise<BoundSockets | { readonly kind: "cannot-bind"; readonly why: string }> {
  const bound: BoundSocket[] = [];
  const closeAll = (): void => {
    for (const each of bound) each.close();
  };
  const control = await bindEndpoint(
    { kind: "unix", path: controlSocket },
    { mode: CONTROL_SOCKET_MODE },
  );
  if ("code" in control) {
    const why =
      control.code === "EADDRINUSE"
        ? `another smtpd answers on ${controlSocket}`
        : `cannot bind the control socket ${controlSocket}: ${control.message}`;
    return { kind: "cannot-bind", why };
  }
  bound.push(control);
  for (const listener of config.listeners) {
    const { endpoint, socketMode, at } = listener;
    const owner = await socketOwner(listener, accounts);
    if (typeof owner === "string") {
      closeAll();
      return { kind: "cannot-bind", why: owner };
    }
    const made = await bindEndpoint(endpoint, { mode: socketMode, owner });
    if ("code" in made) {
      closeAll();
      return { kind: "cannot-bind", why: `${formatPlace(at)}: ${wordsOf(endpoint, made)}` };
    }
    bound.push(made);
  }
  const [first, ...others] = bound.map(({ fd }) => fd);
  return { controlFd: first ?? control.fd, listenerFds: others, close: closeAll };
}

/** A port that is taken is taken by a stranger; what stands at a socket's path is told. */
function wordsOf(endpoint: Endpoint, { code, message }: NetworkFault): string {
  const what = `cannot listen on ${formatEndpoint(endpoint)}`;
  const isTaken = code === "EADDRINUSE";
  if (endpoint.kind === "unix") return isTaken ? message : `${what}: ${message}`;
  return isTaken ? `${what}: it is in use by another program` : message;
}
