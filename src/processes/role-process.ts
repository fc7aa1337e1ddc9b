/**
 * What every child process does around its role: hosts it on the ports of Node, and ends when
 * the parent is gone: nothing of the daemon outlives it.
 *
 * Each role has a program of its own, `ROLE-main.ts`, which imports what that role needs and
 * nothing of the others'.
 */
import { randomFill } from "node:crypto";
import { Socket } from "node:net";
import { hostname } from "node:os";
import type { Endpoint, LocalUser } from "#base/endpoint.ts";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Config } from "#model/config/config.ts";
import type { Slice } from "#model/ipc/parent-link.ts";
import { LogQueue } from "#engine/observe/log-queue.ts";
import type { ListenerHandle } from "#world/node/bind.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { closeInherited } from "#world/node/inherited-descriptors.ts";
import { type KnownEnds, wrapSocket } from "#world/node/connection.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { type Defer, StreamChannel } from "./channel.ts";
import {
  type ClientHandover,
  FIRST_LISTENER_FD,
  type Handover,
  type ListenerHandover,
  PARENT_LINK_FD,
  SEALED_ROLES,
} from "./child.ts";
import { ClientNetwork } from "./client-network.ts";
import { InheritedSockets } from "./inherited-sockets.ts";
import type { Joined, RolePorts, StartRole } from "./role.ts";
import { flushed } from "./log-target.ts";
import { RoleHost } from "./role-host.ts";
import type { Role } from "./roles.ts";
import { CHILD_SIDE } from "./shapes.ts";
import { type ProcessMemory, SpareMemory } from "./spare-memory.ts";

/** What a process makes is its user's alone, and so what an agent's commands make, unless they say otherwise. */
const UMASK = 0o077;

/** Log lines of this long leave in one write: a write costs as much as a reply to a client. */
const LOG_GATHER_MS = 50;

/** Pipes between our own processes have no address. */
const NAMELESS: KnownEnds = {
  local: { kind: "unix", path: "" },
  remote: { kind: "unix", path: "", user: undefined },
};

/**
 * Must be called once, by the program of the role.
 *
 * @param prepared gives the role; it may ask for the bound sockets, once it is known which they are.
 */
export function runRole(
  role: Role,
  prepared: (inherited: Promise<InheritedSockets>) => StartRole,
): void {
  const inherited: PromiseWithResolvers<InheritedSockets> = Promise.withResolvers();
  process.umask(UMASK);
  if (role === "agent") closeInherited(FIRST_LISTENER_FD);
  // The threads for files and hashes begin with the first that has work, and are wanted now:
  // soon no others may be started (confinement.ts).
  if (SEALED_ROLES.has(role)) randomFill(new Uint8Array(1), () => undefined);
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const) {
    // The parent decides when a child ends.
    process.on(signal, () => undefined);
  }
  const log = new LogQueue(writeToStderr, gatherLines);
  const end = async (): Promise<void> => {
    await flushed(log);
    process.exit(0);
  };
  // A terminal that is gone costs its lines (LogQueue counts them), not the process.
  process.stderr.on("error", () => undefined);
  const socket = new Socket({ fd: PARENT_LINK_FD, readable: true, writable: true });
  const clock = nodeClock();
  const spare = new SpareMemory(clock, NODE_MEMORY);
  // Who works has something to say to the others.
  const defer: Defer = (run) => {
    spare.worked();
    setImmediate(run);
  };
  let clients: ClientNetwork | undefined;
  const host = new RoleHost({
    parent: new StreamChannel(wrapSocket(socket, NAMELESS), CHILD_SIDE, defer),
    hostname: hostname(),
    home: process.env["HOME"] ?? "/",
    uid: process.getuid?.() ?? 0,
    log: log.sink,
    ports(config, slice) {
      const sockets = new InheritedSockets(listenersOf(role, config, slice), FIRST_LISTENER_FD);
      inherited.resolve(sockets);
      const ports = portsOf(sockets, clock);
      if (role !== "dispatcher") return ports;
      clients = new ClientNetwork(ports.network);
      return { ...ports, network: clients };
    },
    startRole: prepared(inherited.promise),
    // Lookup opens its tables again when they change.
    started() {
      if (role !== "lookup") dropFileReads();
      spare.started();
    },
    ended: () => void end(),
  });
  process.on("message", (handover: AnyHandover, handle?: Socket) => {
    if (handle === undefined) return;
    if ("to" in handover) host.joined(joinedBy(handle, handover, defer));
    else if ("client" in handover) clients?.arrived(handover.client, clientOf(handle, handover));
    else void inherited.promise.then((sockets) => addListener(sockets, handover, handle));
  });
}

/** Where `--expose-gc` is not given (roles.ts) nothing is collected. */
const NODE_MEMORY: ProcessMemory = {
  residentBytes: () => process.memoryUsage.rss(),
  collect: () => globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" }),
};

type AnyHandover = Handover | ListenerHandover | ClientHandover;

function clientOf(socket: Socket, { client, user }: ClientHandover): Connection {
  // Node makes it as one that ends with its peer.
  socket.allowHalfOpen = true;
  const local = { kind: "unix", path: client.slice("unix:".length) } as const;
  return wrapSocket(socket, { local, remote: { ...local, user: user && userIn(user) } });
}

function userIn({ uid, name }: NonNullable<ClientHandover["user"]>): LocalUser {
  if (name === undefined) return { uid, name: ABSENT };
  return { uid, name: name === "" ? NOT_LOOKED_UP : found(name) };
}

const NOT_LOOKED_UP: Lookup<never> = {
  kind: "unavailable",
  cause: new Error("The user database cannot be asked"),
};

function addListener(
  sockets: InheritedSockets,
  { listener, generation }: ListenerHandover,
  handle: unknown,
): void {
  sockets.add(listener, generation, handle as ListenerHandle);
}

function joinedBy(socket: Socket, handover: Handover, defer: Defer): Joined {
  return {
    ...handover,
    open: (shape) => new StreamChannel(wrapSocket(socket, NAMELESS), shape, defer),
    refuse: () => socket.destroy(),
  };
}

/** What the parent has bound for this role, in the order of its descriptors. */
function listenersOf(role: Role, config: Config, slice: Slice): readonly Endpoint[] {
  if (role === "control") return [{ kind: "unix", path: slice.controlSocket }];
  const kind = ({ dispatcher: "tcp", local: "unix" } as Partial<Record<Role, Endpoint["kind"]>>)[
    role
  ];
  return config.listeners.flatMap(({ endpoint }) => (endpoint.kind === kind ? [endpoint] : []));
}

function portsOf(sockets: InheritedSockets, clock: Clock): RolePorts {
  return {
    clock,
    random: nodeRandom(),
    resolver: nodeResolver(),
    network: sockets.network(),
    arrived: (endpoints, generation) => sockets.arrived(endpoints, generation),
    files: nodeFiles(),
    defer: setImmediate,
  };
}

function gatherLines(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, LOG_GATHER_MS);
  return promise;
}

function writeToStderr(bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stderr.write(bytes, (error) => {
    if (error) reject(error);
    else resolve();
  });
  return promise;
}

/** Under the permission model: from here on this process reads no file. */
function dropFileReads(): void {
  const permission: NodeJS.ProcessPermission | undefined = process.permission;
  if (permission !== undefined && !permission.has("fs.write")) permission.drop("fs.read");
}
