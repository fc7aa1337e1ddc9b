/**
 * Where every child process begins: `node child-main.ts ROLE`.
 *
 * Waits for its slice of the configuration, starts the role, and ends when its
 * parent is gone: nothing of the daemon outlives it.
 */
import { Socket } from "node:net";
import { hostname } from "node:os";
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { LogQueue } from "#engine/observe/log-queue.ts";
import { Observer } from "#engine/observe/observer.ts";
import { deserialiseConfig } from "#model/config/serialise.ts";
import type { ChildToParent, ParentToChild, Slice } from "#model/ipc/parent-link.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { type KnownEnds, wrapSocket } from "#world/node/connection.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeResolver } from "#world/node/resolver.ts";
import { type Link, StreamChannel } from "./channel.ts";
import { FIRST_LISTENER_FD, type Handover, PARENT_LINK_FD } from "./child.ts";
import type { Joined, RoleSetting, RunningRole, StartRole } from "./role.ts";
import type { Role } from "./roles.ts";
import { CHILD_SIDE } from "./shapes.ts";

/** Pipes between our own processes have no address. */
const NAMELESS: KnownEnds = {
  local: { kind: "unix", path: "" },
  remote: { kind: "unix", path: "" },
};

/** Each role's code is loaded by the process that has the role, and by no other. */
const START: Readonly<Record<Role, () => Promise<StartRole>>> = {
  dispatcher: async () => (await import("./dispatcher.ts")).startDispatcher,
  queue: async () => (await import("./queue.ts")).startQueue,
  control: async () => (await import("./control-role.ts")).startControlRole,
  agent: async () => (await import("./agent.ts")).startAgent,
};

main(process.argv[2] as Role);

function main(role: Role): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const) {
    // The parent decides when a child ends.
    process.on(signal, () => undefined);
  }
  const socket = new Socket({ fd: PARENT_LINK_FD, readable: true, writable: true });
  const parent: Link<ParentToChild, ChildToParent> = new StreamChannel(
    wrapSocket(socket, NAMELESS),
    CHILD_SIDE,
    setImmediate,
  );
  const early: Joined[] = [];
  let running: RunningRole | undefined;
  let observer: Observer | undefined;

  const begin = async (slice: Slice, listener: Observer): Promise<void> => {
    running = await start(role, slice, parent, listener);
    for (const joined of early) running?.joined(joined);
  };
  process.on("message", (handover: Handover, handle?: Socket) => {
    if (handle === undefined) return;
    const joined = joinedBy(handle, handover);
    if (running === undefined) early.push(joined);
    else running.joined(joined);
  });
  parent.start({
    message(message) {
      if (message.kind === "configure") {
        observer = newObserver(message.slice);
        void begin(message.slice, observer);
        return;
      }
      if (message.kind === "verbose") setVerbose(observer, message.verbose);
      running?.parentSays(message);
    },
    closed: () => process.exit(0),
  });
}

function joinedBy(socket: Socket, handover: Handover): Joined {
  return {
    ...handover,
    open: (shape) => new StreamChannel(wrapSocket(socket, NAMELESS), shape, setImmediate),
    refuse: () => socket.destroy(),
  };
}

async function start(
  role: Role,
  slice: Slice,
  parent: Link<ParentToChild, ChildToParent>,
  observer: Observer,
): Promise<RunningRole | undefined> {
  const startRole = await START[role]();
  const started = await startRole(settingOf(role, slice, parent, observer));
  if (typeof started === "string") {
    parent.send({ kind: "cannot-start", why: started });
    parent.end();
    return undefined;
  }
  dropFileReads();
  parent.send({ kind: "ready" });
  return started;
}

function settingOf(
  role: Role,
  slice: Slice,
  parent: Link<ParentToChild, ChildToParent>,
  observer: Observer,
): RoleSetting {
  const config = deserialiseConfig(slice.config);
  const endpoints: readonly Endpoint[] =
    role === "control"
      ? [{ kind: "unix", path: slice.controlSocket }]
      : config.listeners.map(({ endpoint }) => endpoint);
  const inherited = new Map(
    endpoints.map((endpoint, index) => [formatEndpoint(endpoint), FIRST_LISTENER_FD + index]),
  );
  return {
    ports: {
      clock: nodeClock(),
      random: nodeRandom(),
      resolver: nodeResolver(),
      network: nodeNetwork({ inherited }),
      files: nodeFiles(),
      defer: setImmediate,
    },
    slice,
    config,
    parent,
    observer,
    hostname: hostname(),
    home: process.env["HOME"] ?? "/",
    end() {
      parent.end();
      // Frames that wait are sent before the process ends: `closed` follows.
    },
  };
}

function newObserver(slice: Slice): Observer {
  const log = new LogQueue(writeToStderr);
  return new Observer(log.sink, slice.verbose);
}

function writeToStderr(bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stderr.write(bytes, (error) => {
    if (error) reject(error);
    else resolve();
  });
  return promise;
}

function setVerbose(observer: Observer | undefined, verbose: boolean): void {
  if (observer !== undefined) observer.verbose = verbose;
}

/** Under the permission model: from here on this process reads no file. */
function dropFileReads(): void {
  const permission: NodeJS.ProcessPermission | undefined = process.permission;
  if (permission !== undefined && !permission.has("fs.write")) permission.drop("fs.read");
}
