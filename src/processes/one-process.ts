/**
 * A whole mail system in one process, for tests and for embedding: the parent and
 * every role as they are, joined by memory instead of sockets.
 *
 * The same safety net holds: nothing is delivered as root. What separate processes
 * add is missing: the parts are not protected from each other, and agents deliver
 * as the user of this process.
 */
import { formatEndpoint, type LocalUser } from "#base/endpoint.ts";
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Commands } from "#base/ports/commands.ts";
import type { Files } from "#base/ports/files.ts";
import type { Http } from "#base/ports/http.ts";
import type { LocalDoor } from "#base/ports/local-door.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import type { Connection, Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Signatures } from "#base/ports/signatures.ts";
import type { SystemPasswords } from "#base/ports/system-passwords.ts";
import type { TableFiles } from "#base/ports/table-files.ts";
import type { Tls } from "#base/ports/tls.ts";
import type { Users, UsersByUid } from "#base/ports/users.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Config } from "#model/config/config.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { Subsystem } from "#model/ipc/control-link.ts";
import { agentRole } from "./agent.ts";
import type { Defer } from "./channel.ts";
import type { Child, LaunchRequest, PassedClient } from "./child.ts";
import { ClientNetwork } from "./client-network.ts";
import { startControlRole } from "./control-role.ts";
import { dispatcherRole } from "./dispatcher.ts";
import { localRole } from "./local.ts";
import { lookupRole, type LookupWorld } from "./lookup.ts";
import { type MemoryEnd, memoryPair, MemoryPairs } from "./memory-link.ts";
import { Parent } from "./parent.ts";
import { startQueue } from "./queue.ts";
import type { StartRole } from "./role.ts";
import type { ConfigReader, Reading, Reloaded } from "./reloads.ts";
import { RoleHost } from "./role-host.ts";
import type { Role } from "./roles.ts";
import { CHILD_SIDE, PARENT_SIDE } from "./shapes.ts";
import { systemAuthRole } from "./system-auth.ts";
import { type LentNetwork, SharedListeners } from "./shared-listeners.ts";
import { SharedSockets } from "./shared-sockets.ts";
import { NO_TLS_SOURCE, type TlsSource } from "./tls-source.ts";

/** What a part of the system has of the world. */
export interface PartPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly network: Network;
  /** On the connections of `network`; without it no listener may have TLS. */
  readonly tls?: Tls;
  readonly files: Files;
  /** kill -9: nothing that it has begun goes on, and nothing reaches it any more. */
  kill(): void;
}

export interface MailSystemWorld {
  readonly users: Users & UsersByUid;
  /** Who the clients of UNIX-domain sockets are; without it nobody knows. */
  readonly localUid?: number;
  /** Without it no command can be run. */
  readonly commands?: Commands;
  /** Of `db:` tables; without it none of them can be read. */
  readonly tableFiles?: TableFiles;
  /** Without it no password can be checked. */
  readonly hashing?: PasswordHashing;
  /** Of the users of the system; without it none of theirs. */
  readonly systemPasswords?: SystemPasswords;
  /** Certificates and keys; without it there are none. */
  readonly tlsSource?: TlsSource;
  /** To ask responders of OCSP; without it they are not there. */
  readonly http?: Http;
  /** To check what responders answer; without it nothing is signed. */
  readonly signatures?: Signatures;
  /** Ports of their own for the parent and for each child that is started. */
  startPart(): PartPorts;
}

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

const NO_COMMANDS: Commands = {
  run: async () => ({ kind: "not-started", cause: new Error("there are no commands here") }),
  stop: () => undefined,
};

const NO_TLS: Tls = {
  server: () => ({ kind: "tls-fault", why: "settings", message: "there is no TLS here" }),
  client: () => ({
    async connect(connection) {
      connection.destroy();
      return { kind: "tls-fault", why: "settings", message: "there is no TLS here" };
    },
  }),
};

const NO_TABLE_FILES: TableFiles = {
  table(path) {
    const cause = new Error(`${path}: there are no files of tables here`);
    return {
      lookupAny: () => ({ kind: "unavailable", cause }),
      keysAfter: () => ({ kind: "unavailable", cause }),
      fault: () => cause,
      close: () => undefined,
    };
  },
};

const NO_HASH: Lookup<never> = {
  kind: "unavailable",
  cause: new Error("no password can be hashed here"),
};
const NO_HASHING: PasswordHashing = {
  crypt: () => Promise.resolve(NO_HASH),
  argon2id: () => Promise.resolve(NO_HASH),
  pbkdf2: () => Promise.resolve(NO_HASH),
};

const NO_SYSTEM_PASSWORDS: SystemPasswords = { check: async () => "unavailable" };

const NO_HTTP: Http = {
  post: async () => ({ kind: "fault", why: "there is no HTTP here" }),
  get: async () => ({ kind: "fault", why: "there is no HTTP here" }),
};
const NO_SIGNATURES: Signatures = { isSigned: () => false };

function lookupWorld(world: MailSystemWorld): LookupWorld {
  return {
    files: world.tableFiles ?? NO_TABLE_FILES,
    hashing: world.hashing ?? NO_HASHING,
    http: world.http ?? NO_HTTP,
    strangersHttp: () => world.http ?? NO_HTTP,
    signatures: world.signatures ?? NO_SIGNATURES,
  };
}

/** Starts it; resolves when mail can flow, or with a line on what stood in the way. */
export async function startMailSystem(
  world: MailSystemWorld,
  options: MailSystemOptions,
): Promise<MailSystem | string> {
  const { config, controlSocket, log } = options;
  const ports = world.startPart();
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
  const parts = new Parts(world, options, { listeners, tls: ports.tls ?? NO_TLS, defer });
  const parent = new Parent<MemoryEnd>(
    { ...portsOnly(ports), users: world.users, tls: world.tlsSource ?? NO_TLS_SOURCE },
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
      launch: (request) => parts.launch(request),
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
    kill: (role) => parts.kill(role),
    reload: (next) => parent.reloadTo(next),
  };
}

/** Of a configuration that stands in no file. */
async function reread(config: Config): Promise<Reading> {
  return { config, complaints: [] };
}

/** What a role is started with here, besides what all share. */
interface StartSetting {
  readonly files: Files;
  readonly network: LentNetwork;
  readonly clients: LaunchRequest["clients"];
}

/** The children: each a role, with ports of its own. */
class Parts {
  readonly #world: MailSystemWorld;
  readonly #options: MailSystemOptions;
  readonly #shared: {
    readonly listeners: SharedListeners;
    readonly tls: Tls;
    readonly defer: Defer;
  };
  readonly #living = new Set<Part>();

  constructor(
    world: MailSystemWorld,
    options: MailSystemOptions,
    shared: { readonly listeners: SharedListeners; readonly tls: Tls; readonly defer: Defer },
  ) {
    this.#world = world;
    this.#options = options;
    this.#shared = shared;
  }

  launch({ role, account, home, clients }: LaunchRequest): Child<MemoryEnd> {
    const { listeners, defer } = this.#shared;
    const { log, hostname } = this.#options;
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
        return systemAuthRole(this.#world.systemPasswords ?? NO_SYSTEM_PASSWORDS);
      case "control":
        return startControlRole;
      case "local":
        return localRole(async () => this.#door(network, clients));
      case "agent": {
        const { commands = NO_COMMANDS } = this.#world;
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

function portsOnly(ports: PartPorts): Omit<PartPorts, "kill" | "network"> {
  const { clock, random, resolver, files } = ports;
  return { clock, random, resolver, files };
}
