/**
 * Starts a child process in its role: with the user, the permissions and the
 * descriptors of docs/architecture.md, and nothing else.
 *
 * Descriptors of a child: 0 closed, 1 and 2 the log, 3 Node's channel (for nothing but
 * sockets: ways to siblings, listeners that a reload brings), 4 the frames to and from
 * the parent, 5 and up the bound sockets that it shall accept on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Server, Socket } from "node:net";
import type { LocalUser, Peer } from "#base/endpoint.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { guardChannel, type Passed } from "#world/node/child-channel.ts";
import { nodeChildren } from "#world/node/children.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { SocketSending } from "#world/node/socket-sending.ts";
import { StreamChannel } from "./channel.ts";
import {
  type Account,
  type Child,
  type ClientHandover,
  type Launch,
  type LaunchRequest,
  type ListenerHandover,
  PARENT_LINK_FD,
  type PassedClient,
  SEALED_ROLES,
} from "./child.ts";
import { tellLines } from "./agent-log.ts";
import { type Confinement, forbidForks, wordsBefore } from "./confinement.ts";
import { type LogTarget, writeLine } from "./log-target.ts";
import { processProgram, PROGRAM_FOLDER } from "./program-files.ts";
import { ROLES } from "./roles.ts";
import { PARENT_SIDE } from "./shapes.ts";

/** Pipes between our own processes have no address. */
const NAMELESS: Peer = { kind: "unix", path: "", user: undefined };

/** What children are started with, besides what is asked for each. */
export interface LaunchSettings {
  /** Their lines go there, those of an agent by way of us. */
  readonly log: LogTarget;
  readonly confinement: Confinement;
}

/** Starts children as processes. */
export function processLauncher({ log, confinement }: LaunchSettings): Launch<Socket> {
  return (request) => {
    const { speaker } = request;
    const hasLog = log.kind === "descriptor" && speaker === undefined;
    const child = spawned(request, confinement, hasLog ? log.fd : "pipe");
    if (typeof child === "string") return notStarted(Promise.resolve(child));
    const { stdio }: Partial<ChildProcess> = child;
    // Without a descriptor for them (EMFILE) there are no pipes: an error comes.
    if (stdio === undefined) return notStarted(exitOf(child));
    for (const source of [child.stdout, child.stderr]) {
      if (source === null) continue;
      if (speaker !== undefined)
        tellLines(source, `agent ${speaker}`, (line) => writeLine(log, line));
      else if (log.kind === "lines") log.lines.forward(source);
    }
    const seal = async (pid: number): Promise<void> => {
      if (!SEALED_ROLES.has(request.role)) return;
      const fault = await forbidForks(confinement, nodeChildren(), {
        pid,
        account: request.account,
      });
      // One that has ended meanwhile is sealed.
      if (fault === undefined || child.exitCode !== null || child.signalCode !== null) return;
      writeLine(log, `warn: ${request.role} may start programs: ${printable(fault)}`);
    };
    return childOf(child, request, (pid) => void seal(pid));
  };
}

/** A child's command, with what stands before Node and what Node sets by itself. */
export interface ChildCommand {
  readonly program: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: it has its account by the command, or has none of its own. */
  readonly account: Account | undefined;
}

/** @param file that it runs; tests have others tried in a role's place. */
export function childCommand(
  request: LaunchRequest,
  confinement: Confinement,
  file: string = processProgram(request.role),
): ChildCommand {
  const { role, account, home, reach } = request;
  const before = wordsBefore(request, confinement);
  const node = [...ROLES[role].nodeFlags(PROGRAM_FOLDER, reach), file];
  const [program = process.execPath, ...words] = [...before, process.execPath, ...node];
  return {
    program,
    words,
    environment: { ...environmentOf(home), ...ROLES[role].environment },
    account: before.length > 0 ? undefined : account,
  };
}

/** Nothing of our own environment: what all processes have. */
export function environmentOf(home: string): Readonly<Record<string, string>> {
  return { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8" };
}

/** Node tells some faults by an event, and throws others, such as a lack of memory. */
function spawned(
  request: LaunchRequest,
  confinement: Confinement,
  log: number | "pipe",
): ChildProcess | string {
  const { program, words, environment, account } = childCommand(request, confinement);
  try {
    return spawn(program, words, {
      stdio: ["ignore", log, log, "ipc", "pipe", ...request.listenerFds],
      env: environment,
      cwd: "/",
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      detached: true,
    });
  } catch (error) {
    return couldNotStart(error);
  }
}

/** What is said of a process that the system has refused us. */
export function couldNotStart(error: unknown): string {
  return `could not be started: ${error instanceof Error ? error.message : String(error)}`;
}

/** A child that the system has refused us: it has ended before it began. */
function notStarted(exited: Promise<string>): Child<Socket> {
  return {
    pid: undefined,
    link: {
      congested: false,
      start: () => undefined,
      send: () => undefined,
      end: () => undefined,
      destroy: () => undefined,
    },
    handOver: (_, socket) => void socket.destroy(),
    handOverListener: () => undefined,
    handOverClient: async (client) => void client.destroy(),
    seal: () => undefined,
    kill: () => undefined,
    exited,
  };
}

function childOf(
  child: ChildProcess,
  { clients }: LaunchRequest,
  seal: (pid: number) => void,
): Child<Socket> {
  // Node says there that a socket has arrived; a child that says more is none of ours any more.
  guardChannel(child, {
    misused: () => child.kill("SIGKILL"),
    ...(clients && { passed: (passed) => clients(new SocketClient(passed)) }),
  });
  const link = new StreamChannel(
    wrapSocket(pipeOf(child), { local: NAMELESS, remote: NAMELESS }),
    PARENT_SIDE,
    setImmediate,
  );
  const sending = new SocketSending(child);
  return {
    pid: child.pid,
    link,
    // The child may be dying: its exit is what tells us.
    handOver: (handover, socket) => void sending.send(handover, socket),
    handOverListener({ endpoint, handle }, generation) {
      if (!child.connected || handle === undefined) return;
      const handover: ListenerHandover = { listener: endpoint, generation };
      // Node sends these as it sends a server; its types do not know them.
      child.send(handover, handle as unknown as Server, {}, () => undefined);
    },
    handOverClient(client, user) {
      if (!(client instanceof SocketClient))
        throw new TypeError("Cannot hand a client over: it is of another world");
      return sending.send(clientHandover(client, user), client.socket);
    },
    seal: () => {
      if (child.pid !== undefined) seal(child.pid);
    },
    kill: (signal) => void child.kill(signal),
    exited: exitOf(child),
  };
}

/** A client whose socket is here, unread. */
class SocketClient implements PassedClient {
  readonly endpoint: string;
  readonly uid: number;
  readonly socket: Socket;

  constructor({ endpoint, uid, socket }: Passed) {
    this.endpoint = endpoint;
    this.uid = uid;
    this.socket = socket;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function clientHandover(client: SocketClient, user: LocalUser | undefined): ClientHandover {
  if (user === undefined) return { client: client.endpoint, user };
  const { uid, name } = user;
  const word = name.kind === "found" ? name.value : name.kind === "absent" ? undefined : "";
  return { client: client.endpoint, user: { uid, name: word } };
}

function pipeOf(child: ChildProcess): Socket {
  // With "pipe" in place 4 this is a duplex socket; the types know only streams.
  return child.stdio[PARENT_LINK_FD] as unknown as Socket;
}

function exitOf(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once("error", (error) => resolve(couldNotStart(error)));
  child.once("exit", (code, signal) =>
    resolve(signal === null ? `exited with ${code ?? "no code"}` : `ended by ${signal}`),
  );
  return promise;
}
