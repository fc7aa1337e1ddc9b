/**
 * What the parent binds: every listener of the configuration, and the control socket.
 * It never listens on them itself.
 *
 * For another configuration all that is new is bound before anything is given up, so
 * that one that cannot be carried out changes nothing. An endpoint that is in both
 * keeps its socket.
 *
 * Limits: an endpoint that overlaps one that is to go (`0.0.0.0` and `127.0.0.1` with
 * one port) cannot be bound while that is open; the daemon has to be started anew.
 */
import { isDeepStrictEqual } from "node:util";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { NetworkFault } from "#base/ports/network.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import { formatPlace, type Place } from "#model/config/place.ts";
import type { ActivatedSockets } from "#world/node/activated-sockets.ts";
import { bindEndpoint, type BoundSocket, giveAway } from "#world/node/bind.ts";
import type { FreshListener } from "./child.ts";
import { type Accounts, type SocketOwner, socketOwner } from "./socket-owner.ts";

/** Root and the daemon's own user alone. */
const CONTROL_SOCKET_MODE = 0o600;

/** Who made a socket. */
const SELF: SocketOwner = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };

export interface CannotBind {
  readonly kind: "cannot-bind";
  readonly at: Place;
  readonly why: string;
}

/** What is bound for another configuration. One of the two is called, once. */
export interface Rebinding {
  readonly kind: "rebinding";
  /** Children that run do not have these yet. */
  readonly fresh: readonly FreshListener[];
  /** The new ones are kept, and what the configuration does not have is closed. */
  commit(): void;
  abandon(): void;
}

export interface BoundSockets {
  /** In the order of the listeners of the configuration in use. */
  readonly listenerFds: readonly number[];
  /** Those of TCP, which dispatchers accept on, or of UNIX-domain sockets, which local does. */
  fdsOf(kind: Endpoint["kind"]): readonly number[];
  readonly controlFd: number;
  rebind(config: Config): Promise<Rebinding | CannotBind>;
  /** Closes them all and removes the socket files. */
  close(): void;
}

/**
 * Binds all, or none and says what stood in the way.
 *
 * @param activated is asked first for each listener.
 */
export async function bindSockets(
  config: Config,
  controlSocket: string,
  accounts: Accounts,
  activated?: ActivatedSockets,
): Promise<BoundSockets | { readonly kind: "cannot-bind"; readonly why: string }> {
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
  const bound = new ParentSockets(control, accounts, activated);
  const first = await bound.rebind(config);
  if (first.kind === "cannot-bind") {
    control.close();
    return { kind: "cannot-bind", why: `${formatPlace(first.at)}: ${first.why}` };
  }
  first.commit();
  return bound;
}

interface BoundListener {
  readonly endpoint: Endpoint;
  readonly access: SocketAccess;
  readonly socket: BoundSocket;
}

/** Who may connect to a UNIX-domain socket. */
interface SocketAccess {
  readonly mode: number;
  readonly owner: SocketOwner | undefined;
}

/** A listener that is to be there, and its socket if it is new. */
interface Wanted {
  readonly endpoint: Endpoint;
  readonly access: SocketAccess;
  readonly fresh: BoundSocket | undefined;
}

class ParentSockets implements BoundSockets {
  readonly #control: BoundSocket;
  readonly #accounts: Accounts;
  readonly #activated: ActivatedSockets | undefined;
  /** By endpoint, in the order of the configuration. */
  #listeners: ReadonlyMap<string, BoundListener> = new Map();

  constructor(control: BoundSocket, accounts: Accounts, activated?: ActivatedSockets) {
    this.#control = control;
    this.#accounts = accounts;
    this.#activated = activated;
  }

  get controlFd(): number {
    return this.#control.fd;
  }

  get listenerFds(): readonly number[] {
    return Array.from(this.#listeners.values(), ({ socket }) => socket.fd);
  }

  fdsOf(kind: Endpoint["kind"]): readonly number[] {
    return Array.from(this.#listeners.values()).flatMap(({ endpoint, socket }) =>
      endpoint.kind === kind ? [socket.fd] : [],
    );
  }

  async rebind({ listeners }: Config): Promise<Rebinding | CannotBind> {
    const wanted = new Map<string, Wanted>();
    const abandon = (): void => {
      for (const { fresh } of wanted.values()) fresh?.close();
    };
    for (const listener of listeners) {
      const made = await this.#want(listener);
      if (typeof made === "string") {
        abandon();
        return { kind: "cannot-bind", at: listener.at, why: made };
      }
      wanted.set(formatEndpoint(listener.endpoint), made);
    }
    return {
      kind: "rebinding",
      fresh: Array.from(wanted).flatMap(([key, { endpoint, fresh }]) =>
        fresh === undefined ? [] : [{ endpoint: key, kind: endpoint.kind, handle: fresh.handle }],
      ),
      commit: () => this.#commit(wanted),
      abandon,
    };
  }

  close(): void {
    this.#control.close();
    for (const { socket } of this.#listeners.values()) socket.close();
    this.#listeners = new Map();
  }

  async #want(listener: Listener): Promise<Wanted | string> {
    const { endpoint, socketMode: mode } = listener;
    const owner = await socketOwner(listener, this.#accounts);
    if (typeof owner === "string") return owner;
    const access: SocketAccess = { mode, owner };
    if (this.#listeners.has(formatEndpoint(endpoint))) {
      return { endpoint, access, fresh: undefined };
    }
    const fresh = this.#activated?.take(endpoint, access) ?? (await bindEndpoint(endpoint, access));
    return "code" in fresh ? this.#wordsOf(endpoint, fresh) : { endpoint, access, fresh };
  }

  #commit(wanted: ReadonlyMap<string, Wanted>): void {
    const before = this.#listeners;
    const after = new Map<string, BoundListener>();
    for (const [key, { endpoint, access, fresh }] of wanted) {
      const kept = before.get(key);
      const socket = kept?.socket ?? fresh;
      if (socket === undefined) throw new TypeError(`Cannot keep ${key}: it is not bound`);
      if (kept !== undefined) changeAccess(kept, access);
      after.set(key, { endpoint, access, socket });
    }
    for (const [key, { socket }] of before) if (!after.has(key)) socket.close();
    this.#listeners = after;
  }

  /** A port that is taken is taken by a stranger, or by us; what stands at a socket's path is told. */
  #wordsOf(endpoint: Endpoint, { code, message }: NetworkFault): string {
    const what = `cannot listen on ${formatEndpoint(endpoint)}`;
    const isTaken = code === "EADDRINUSE";
    if (endpoint.kind === "unix") return isTaken ? message : `${what}: ${message}`;
    if (!isTaken) return message;
    const own = [...this.#listeners.values()].find((each) => isSamePort(each.endpoint, endpoint));
    if (own === undefined) return `${what}: it is in use by another program`;
    const overlap = formatEndpoint(own.endpoint);
    return `${what} while ${overlap} is open: this change needs a restart`;
  }
}

function isSamePort(one: Endpoint, other: Endpoint): boolean {
  return one.kind === "tcp" && other.kind === "tcp" && one.port === other.port;
}

/** Who may connect to a socket that stays. */
function changeAccess({ endpoint, access }: BoundListener, next: SocketAccess): void {
  if (endpoint.kind !== "unix" || isDeepStrictEqual(access, next)) return;
  // Where somebody has removed the file nobody can connect to it, whatever its mode.
  giveAway(endpoint.path, { ...next, owner: next.owner ?? SELF });
}
