/**
 * Starts a child process in its role: with the user, the permissions and the
 * descriptors of docs/architecture.md, and nothing else.
 *
 * Descriptors of a child: 0 closed, 1 and 2 the log, 3 Node's channel (for handed
 * sockets only, and for listeners that a reload brings), 4 the frames to and from the parent, 5 and up the bound sockets
 * that it shall accept on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Server, Socket } from "node:net";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "#base/endpoint.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { StreamChannel } from "./channel.ts";
import { type Child, type Launch, type ListenerHandover, PARENT_LINK_FD } from "./child.ts";
import type { LogTarget } from "./log-target.ts";
import { ROLES } from "./roles.ts";
import { PARENT_SIDE } from "./shapes.ts";

/** Pipes between our own processes have no address. */
const NAMELESS: Endpoint = { kind: "unix", path: "" };

const SOURCES = dirname(dirname(fileURLToPath(import.meta.url)));
/** `.ts` in a checkout, `.js` where the types were stripped. */
const CHILD_MAIN = join(SOURCES, "processes", `child-main${extname(import.meta.url)}`);

/** Starts children as processes; their log lines go to `log`. */
export function processLauncher(log: LogTarget): Launch<Socket> {
  const logFd = log.kind === "descriptor" ? log.fd : "pipe";
  return ({ role, account, home, listenerFds }) => {
    const child = spawn(
      process.execPath,
      [...ROLES[role].nodeFlags(dirname(SOURCES)), CHILD_MAIN, role],
      {
        stdio: ["ignore", logFd, logFd, "ipc", "pipe", ...listenerFds],
        env: { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8" },
        cwd: "/",
        ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
        detached: true,
      },
    );
    if (log.kind === "lines") {
      for (const source of [child.stdout, child.stderr]) {
        if (source !== null) log.lines.forward(source);
      }
    }
    return childOf(child);
  };
}

function childOf(child: ChildProcess): Child<Socket> {
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
  child.once("error", (error) => resolve(error.message));
  child.once("exit", (code, signal) =>
    resolve(signal === null ? `exited with ${code ?? "no code"}` : `ended by ${signal}`),
  );
  return promise;
}
