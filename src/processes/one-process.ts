/**
 * A whole mail system in one process, for tests and for embedding: the parent and
 * every role as they are, joined by memory instead of sockets.
 *
 * The same safety net holds: nothing is delivered as root. What separate processes
 * add is missing: the parts are not protected from each other, and agents deliver
 * as the user of this process.
 */
import type { Config } from "#model/config/config.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { Subsystem } from "#model/ipc/control-link.ts";
import type { Defer } from "./channel.ts";
import { type MailSystemWorld, NO_TLS, portsOnly, wholeWorld } from "./mail-system-world.ts";
import { MemoryChildren } from "./memory-children.ts";
import { type MemoryEnd, MemoryPairs } from "./memory-link.ts";
import { Parent } from "./parent.ts";
import type { ConfigReader, Reading, Reloaded } from "./reloads.ts";
import type { Role } from "./roles.ts";
import { SharedListeners } from "./shared-listeners.ts";
import { SharedSockets } from "./shared-sockets.ts";

export interface MailSystemOptions {
  readonly config: Config;
  /** An existing folder. */
  readonly spool: string;
  readonly controlSocket: string;
  /** Name of this machine, for Maildir file names. */
  readonly hostname: string;
  /** 1 if left out. */
  readonly dispatchers?: number;
  readonly ownAddresses?: readonly string[];
  /** Of `queue encryption`; none if left out. */
  readonly queueKeys?: QueueKeys;
  readonly paused?: readonly Subsystem[];
  readonly verbose?: boolean;
  /** For SIGHUP's orders by smtpctl(8); without it the configuration is the one given. */
  readonly reader?: ConfigReader;
  /** Takes a line of the log, of whichever part. */
  readonly log: (line: string) => void;
}

export interface MailSystem {
  /** A clean end, as at SIGTERM. */
  stop(): Promise<void>;
  /** Resolves when it has ended, also by `smtpctl stop`. */
  readonly ended: Promise<void>;
  /** kill -9 of the children with this role; the parent starts them again. */
  kill(role: Role): void;
  /** Has it work by another configuration, as a reload of its file does. */
  reload(config: Config): Promise<Reloaded>;
}

/** Starts it; resolves when mail can flow, or with a line on what stood in the way. */
export async function startMailSystem(
  world: MailSystemWorld,
  options: MailSystemOptions,
): Promise<MailSystem | string> {
  const { config, controlSocket, log } = options;
  const whole = wholeWorld(world);
  const ports = whole.startPart();
  const listeners = new SharedListeners(ports.network);
  const bound = new SharedSockets(listeners);
  const fault = await listeners.bind({ kind: "unix", path: controlSocket });
  if (fault !== undefined) return `cannot listen on ${controlSocket}: ${fault.message}`;
  const first = await bound.rebind(config);
  if (first.kind === "cannot-bind") {
    listeners.close();
    return first.why;
  }
  first.commit();
  const defer: Defer = (run) => void ports.clock.after(0, run);
  const shared = { listeners, tls: ports.tls ?? NO_TLS, defer };
  const children = new MemoryChildren(whole, options, shared);
  const parent = new Parent<MemoryEnd>(
    { ...portsOnly(ports), users: whole.users, tls: whole.tlsSource },
    {
      config,
      reader: options.reader ?? { whole: () => reread(config), table: () => reread(config) },
      spool: options.spool,
      controlSocket,
      stapleFolder: undefined,
      dispatchers: options.dispatchers ?? 1,
      accounts: new Map(),
      // Of root's check, not of its powers: uid 0 and gid 0 are refused.
      isRoot: true,
      verbose: options.verbose ?? false,
      paused: options.paused ?? [],
      ownAddresses: options.ownAddresses ?? [],
      queueKeys: options.queueKeys ?? [],
      maxOpenFiles: Number.MAX_SAFE_INTEGER,
      openFiles: () => 0,
    },
    { info: (text) => log(`info: ${text}`), warn: (text) => log(`warn: ${text}`) },
    {
      bound,
      pairs: new MemoryPairs(defer),
      launch: (request) => children.launch(request),
    },
  );
  const stop = (): Promise<void> => {
    parent.stop();
    return parent.stopped;
  };
  const started = await parent.start();
  if (started.kind === "cannot-start") {
    await stop();
    return started.why;
  }
  return {
    stop,
    ended: parent.stopped,
    kill: (role) => children.kill(role),
    reload: (next) => parent.reloadTo(next),
  };
}

/** Of a configuration that stands in no file. */
async function reread(config: Config): Promise<Reading> {
  return { config, complaints: [] };
}
