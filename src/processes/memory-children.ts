/**
 * The children of a mail system in one process: each a role, with ports of its own, joined to the
 * others by memory. One that is killed loses its ports and its ends at once, as a process does.
 */
import { formatEndpoint, type LocalUser } from "#base/endpoint.ts";
import type { Files } from "#base/ports/files.ts";
import type { LocalDoor } from "#base/ports/local-door.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Tls } from "#base/ports/tls.ts";
import { unreachable } from "#base/unreachable.ts";
import { agentRole } from "./agent.ts";
import type { Defer } from "./channel.ts";
import type { Child, LaunchRequest, PassedClient } from "./child.ts";
import { ClientNetwork } from "./client-network.ts";
import { startControlRole } from "./control-role.ts";
import { dispatcherRole } from "./dispatcher.ts";
import { localRole } from "./local.ts";
import { lookupRole, type LookupWorld } from "./lookup.ts";
import { portsOnly, type WholeWorld } from "./mail-system-world.ts";
import { type MemoryEnd, memoryPair } from "./memory-link.ts";
import { startQueue } from "./queue.ts";
import type { StartRole } from "./role.ts";
import { RoleHost } from "./role-host.ts";
import type { Role } from "./roles.ts";
import { CHILD_SIDE, PARENT_SIDE } from "./shapes.ts";
import type { LentNetwork, SharedListeners } from "./shared-listeners.ts";
import { systemAuthRole } from "./system-auth.ts";

/** What all of them share. */
export interface SharedByChildren {
  readonly listeners: SharedListeners;
  readonly tls: Tls;
  readonly defer: Defer;
}

/** How each of them is known, and where it writes. */
export interface ChildIdentity {
  /** Name of this machine. */
  readonly hostname: string;
  readonly log: (line: string) => void;
}

/** What a role is started with here, besides what all share. */
interface StartSetting {
  readonly files: Files;
  readonly network: LentNetwork;
  readonly clients: LaunchRequest["clients"];
}

export class MemoryChildren {
  readonly #world: WholeWorld;
  readonly #identity: ChildIdentity;
  readonly #shared: SharedByChildren;
  readonly #living = new Set<Part>();

  constructor(world: WholeWorld, identity: ChildIdentity, shared: SharedByChildren) {
    this.#world = world;
    this.#identity = identity;
    this.#shared = shared;
  }

  launch({ role, account, home, clients }: LaunchRequest): Child<MemoryEnd> {
    const { listeners, defer } = this.#shared;
    const { log, hostname } = this.#identity;
    const ports = this.#world.startPart();
    const network = listeners.lend(ports.network);
    const visitors = new ClientNetwork(network);
    const [near, far] = memoryPair(defer);
    const part = new Part(role, [far], () => {
      network.die();
      ports.kill();
      this.#living.delete(part);
    });
    this.#living.add(part);
    const host = new RoleHost({
      parent: far.open(CHILD_SIDE),
      hostname,
      home,
      uid: account?.uid ?? 0,
      log,
      ports: () => ({
        ...portsOnly(ports),
        network: role === "dispatcher" ? visitors : network,
        defer: (run) => ports.clock.after(0, run),
        arrived: () => Promise.resolve(),
      }),
      startRole: this.#startOf(role, { files: ports.files, network, clients }),
      started: () => undefined,
      ended: () => part.die("exited with 0"),
    });
    return {
      pid: undefined,
      link: near.open(PARENT_SIDE),
      handOver(handover, end) {
        if (!part.keep(end)) {
          end.destroy();
          return;
        }
        host.joined({
          ...handover,
          open: (shape) => end.open(shape),
          refuse: () => end.destroy(),
        });
      },
      handOverListener: () => undefined,
      async handOverClient(client, user) {
        if (!(client instanceof MemoryClient))
          throw new TypeError("Cannot hand a client over: it is of another world");
        visitors.arrived(client.endpoint, client.for(network, user));
      },
      seal: () => undefined,
      kill: (signal) => part.die(`ended by ${signal}`),
      exited: part.ended,
    };
  }

  #startOf(role: Role, { files, network, clients }: StartSetting): StartRole {
    switch (role) {
      case "dispatcher":
        return dispatcherRole(network.tls(this.#shared.tls));
      case "queue":
        return startQueue;
      case "lookup":
        return lookupRole(lookupWorld(this.#world));
      case "auth":
        return systemAuthRole(this.#world.systemPasswords);
      case "control":
        return startControlRole;
      case "local":
        return localRole(async () => this.#door(network, clients));
      case "agent": {
        const { commands } = this.#world;
        return agentRole({ commands, filesAtOnce: files, filesTogether: files, pid: 1 });
      }
      default:
        return unreachable(role);
    }
  }

  #door(network: LentNetwork, clients: LaunchRequest["clients"]): LocalDoor {
    const { localUid: uid } = this.#world;
    return {
      listen: (endpoint, accept) =>
        network.listenForOthers(endpoint, (connection) => {
          const client = new MemoryClient(formatEndpoint(endpoint), uid, connection);
          accept({
            endpoint: client.endpoint,
            uid,
            pass: async () => clients?.(client),
            turnAway: () => client.destroy(),
            destroy: () => client.destroy(),
          });
        }),
    };
  }

  /** kill -9 of those with this role. */
  kill(role: Role): void {
    for (const part of this.#living) if (part.role === role) part.die("ended by SIGKILL");
  }
}

/** A client on its way from one part to another. */
class MemoryClient implements PassedClient {
  readonly endpoint: string;
  readonly uid: number | undefined;
  readonly #connection: Connection;

  constructor(endpoint: string, uid: number | undefined, connection: Connection) {
    this.endpoint = endpoint;
    this.uid = uid;
    this.#connection = connection;
  }

  /** For `owner`, to whom the client is `user`. */
  for(owner: LentNetwork, user: LocalUser | undefined): Connection {
    const { remote } = this.#connection;
    return owner.own(this.#connection, remote.kind === "unix" ? { ...remote, user } : remote);
  }

  destroy(): void {
    this.#connection.destroy();
  }
}

/** The life of one child. */
class Part {
  readonly role: Role;
  readonly #ends: Set<MemoryEnd>;
  readonly #release: () => void;
  readonly #ended = Promise.withResolvers<string>();
  #state: "alive" | "dead" = "alive";

  constructor(role: Role, ends: readonly MemoryEnd[], release: () => void) {
    this.role = role;
    this.#ends = new Set(ends);
    this.#release = release;
  }

  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** `end` goes down with it; false when it has gone already. */
  keep(end: MemoryEnd): boolean {
    if (this.#state === "dead") return false;
    for (const each of this.#ends) if (!each.isOpen) this.#ends.delete(each);
    this.#ends.add(end);
    return true;
  }

  die(how: string): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    for (const end of this.#ends) end.abandon();
    this.#release();
    this.#ended.resolve(how);
  }
}

function lookupWorld({ tableFiles, hashing, http, signatures }: WholeWorld): LookupWorld {
  return { files: tableFiles, hashing, http, strangersHttp: () => http, signatures };
}
