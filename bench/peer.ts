/**
 * What the benchmark needs of a mail server: to be started afresh for one scenario,
 * on a loopback port and with an empty queue, and to be stopped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { SystemUser } from "./system-users.ts";
import { greets } from "#test/interop/greeting.ts";

/** What becomes of the messages of a run. */
export type Fate =
  /** Kept in the queue, durably; no delivery is tried while it is measured. */
  | { readonly kind: "kept" }
  /** Each goes on at once to the SMTP server at this port of 127.0.0.1. */
  | {
      readonly kind: "relayed";
      readonly port: number;
      /** A connection takes as many messages as the server likes, or one. */
      readonly outgoing: "reused" | "single";
    }
  /** Each goes on at once to the LMTP server at this port of 127.0.0.1. */
  | { readonly kind: "lmtp"; readonly port: number; readonly users: readonly string[] }
  /** Each goes to `folder/USER/`, a Maildir, for these users of `bench.example`. */
  | { readonly kind: "maildir"; readonly folder: string; readonly users: readonly string[] }
  /** Each goes to `~/Maildir/` of these users of the system, written as its owner. */
  | { readonly kind: "homes"; readonly users: readonly SystemUser[] };

/** Files of a certificate and its key, both PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface RunSettings {
  /** Empty, and this run's own. */
  readonly folder: string;
  readonly port: number;
  readonly fate: Fate;
  /** Connections that must be possible at once. */
  readonly sessions: number;
  /** STARTTLS is offered with it; undefined: there is no TLS. */
  readonly tls: CertificateFiles | undefined;
}

export interface Peer {
  readonly name: string;
  /** How messages are made durable before the 250, in a few words. */
  readonly durability: string;
  /** Why it cannot take part, or undefined. */
  missing(): string | undefined;
  /** Resolves when the port greets. */
  start(settings: RunSettings): Promise<RunningPeer>;
}

export interface RunningPeer {
  /** The root of its processes. */
  readonly pid: number;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
const READY_POLL_MS = 50;

/** How a server is started, and known to be ready. */
export interface ServerProcess {
  readonly command: readonly string[];
  /** Takes its output. */
  readonly logPath: string;
  /** Greets when it is ready. */
  readonly port: number;
  /** In the log when it is ready; "" if it never says so. */
  readonly readyWord: string;
  /** In its environment, besides ours. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a server, and waits until it greets and says that it is ready. */
export async function startServer(server: ServerProcess): Promise<RunningPeer> {
  const { command, logPath, port, readyWord, environment } = server;
  const log = openSync(logPath, "a");
  const [program = "", ...args] = command;
  // A group of its own, as Postfix signals the whole group when it stops.
  const child = spawn(program, args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...environment },
    detached: true,
  });
  closeSync(log);
  const ended = endOf(child);
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (
    !readFileSync(logPath, "utf8").includes(readyWord) ||
    !(await greets({ host: "127.0.0.1", port }))
  ) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill("SIGKILL");
      throw new Error(`Cannot start ${program}: see ${logPath}`);
    }
    await pause(READY_POLL_MS);
  }
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Resolves with the exit code (or -1 for a signal) of `child`. */
export function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? -1));
  });
}
