/**
 * Starts a child process in its role: with the user, the permissions and the
 * descriptors of docs/architecture.md, and nothing else.
 *
 * Descriptors of a child: 0 closed, 1 and 2 the log, 3 Node's channel (for nothing but
 * sockets: ways to siblings, listeners that a reload brings), 4 the frames to and from
 * the parent, 5 and up the bound sockets that it shall accept on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "#base/endpoint.ts";
import { guardChannel } from "#world/node/child-channel.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { StreamChannel } from "./channel.ts";
import {
  type Child,
  type Launch,
  type LaunchRequest,
  type ListenerHandover,
  PARENT_LINK_FD,
} from "./child.ts";
import { tellLines } from "./agent-log.ts";
import { type LogTarget, writeLine } from "./log-target.ts";
import { ROLES } from "./roles.ts";
import { PARENT_SIDE } from "./shapes.ts";

/** Pipes between our own processes have no address. */
const NAMELESS: Endpoint = { kind: "unix", path: "" };

const SOURCES = dirname(dirname(fileURLToPath(import.meta.url)));
/** `.ts` in a checkout, `.js` where the types were stripped. */
const CHILD_MAIN = join(SOURCES, "processes", `child-main${extname(import.meta.url)}`);

/** Of util-linux, which every Linux has; Node has no prctl(2). */
const SETPRIV = "/usr/bin/setpriv";
const NO_NEW_PRIVILEGES: readonly string[] = [SETPRIV, "--no-new-privs", "--"];
const HAS_SETPRIV: boolean = existsSync(SETPRIV);

/** Starts children as processes; their log lines go to `log`, those of an agent by way of us. */
export function processLauncher(log: LogTarget): Launch<Socket> {
  return (request) => {
    const { speaker } = request;
    const hasLog = log.kind === "descriptor" && speaker === undefined;
    const child = spawned(request, hasLog ? log.fd : "pipe");
    if (typeof child === "string") return notStarted(Promise.resolve(child));
    const { stdio }: Partial<ChildProcess> = child;
    // Without a descriptor for them (EMFILE) there are no pipes: an error comes.
    if (stdio === undefined) return notStarted(exitOf(child));
    for (const source of [child.stdout, child.stderr]) {
      if (source === null) continue;
      if (speaker !== undefined) tellLines(source, speaker, (line) => writeLine(log, line));
      else if (log.kind === "lines") log.lines.forward(source);
    }
    return childOf(child);
  };
}

/** Node tells some faults by an event, and throws others, such as a lack of memory. */
function spawned(
  { role, account, home, listenerFds, reach, noNewPrivileges }: LaunchRequest,
  log: number | "pipe",
): ChildProcess | string {
  const { environment } = ROLES[role];
  const flags = ROLES[role].nodeFlags(dirname(SOURCES), reach);
  const [program, ...words] = [
    ...(noNewPrivileges === true && HAS_SETPRIV ? NO_NEW_PRIVILEGES : []),
    process.execPath,
    ...flags,
    CHILD_MAIN,
    role,
  ] as const;
  try {
    return spawn(program ?? process.execPath, words, {
      stdio: ["ignore", log, log, "ipc", "pipe", ...listenerFds],
      env: { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8", ...environment },
      cwd: "/",
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      detached: true,
    });
  } catch (error) {
    return couldNotStart(error);
  }
}

function couldNotStart(error: unknown): string {
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
    kill: () => undefined,
    exited,
  };
}

function childOf(child: ChildProcess): Child<Socket> {
  // Node says there that a socket has arrived; a child that says more is none of ours any more.
  guardChannel(child, () => child.kill("SIGKILL"));
  const link = new StreamChannel(
    wrapSocket(pipeOf(child), { local: NAMELESS, remote: NAMELESS }),
    PARENT_SIDE,
    setImmediate,
  );
  return {
    pid: child.pid,
    link,
    handOver(handover, socket) {
      if (!child.connected) {
        socket.destroy();
        return;
      }
      // The child may be dying: its exit is what tells us.
      child.send(handover, socket, { keepOpen: false }, () => undefined);
    },
    handOverListener({ endpoint, handle }, generation) {
      if (!child.connected || handle === undefined) return;
      const handover: ListenerHandover = { listener: endpoint, generation };
      // Node sends these as it sends a server; its types do not know them.
      child.send(handover, handle as unknown as Server, {}, () => undefined);
    },
    kill: (signal) => void child.kill(signal),
    exited: exitOf(child),
  };
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
