/**
 * Runs the daemon in this process as its parent: prepares the state folder, binds, starts the
 * children, reloads at SIGHUP, and stops them at a signal. A signal that comes before that ends
 * the start at its next step.
 */
import { chmodSync, mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { formatEndpoint } from "#base/endpoint.ts";
import type { Users, UsersByUid } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { Subsystem } from "#model/ipc/control-link.ts";
import { bindSockets } from "#processes/bound-sockets.ts";
import type { Account } from "#processes/child.ts";
import { type Confinement, confinementHere, forbidCores } from "#processes/confinement.ts";
import { processLauncher } from "#processes/launch.ts";
import { type DaemonLog, daemonLog, type LogTarget } from "#processes/log-target.ts";
import { nodeTlsSource } from "#processes/node-tls-source.ts";
import type { OfflineMail } from "#processes/offline-mail.ts";
import { Parent } from "#processes/parent.ts";
import type { ConfigReader } from "#processes/reloads.ts";
import { type Role, ROLES } from "#processes/roles.ts";
import { SocketPairs } from "#processes/socket-pair.ts";
import type { ActivatedSockets } from "#world/node/activated-sockets.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { groupId } from "#world/node/groups.ts";
import { closeInherited } from "#world/node/inherited-descriptors.ts";
import { nodeRandom } from "#world/node/random.ts";
import { maxOpenFiles, openFiles } from "./machine.ts";
import { neededUser } from "./needed-user.ts";
import { offlineMail } from "./offline.ts";
import type { StartSignals } from "./start-signals.ts";
import { makePrivateFolder, makeRootsFolder } from "./state-folders.ts";
import type { StatePaths } from "./state-paths.ts";

/** All may put a file there, none may see which there are or touch another's: sticky, as /tmp is. */
const DROP_FOLDER_MODE = 0o1733;

export interface DaemonOptions {
  readonly config: Config;
  /** Reads it again at SIGHUP and for smtpctl(8). */
  readonly reader: ConfigReader;
  readonly paths: StatePaths;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
  readonly ownAddresses: readonly string[];
  /** Of `queue encryption`. */
  readonly queueKeys: QueueKeys;
  readonly log: LogTarget;
  readonly signals: StartSignals;
  /** What a service manager has bound for us. */
  readonly activated: ActivatedSockets;
  readonly users: Users & UsersByUid;
}

/** How starting ended. */
export type DaemonStart =
  /** Mail can flow; `ended` resolves when the daemon has ended. */
  | { readonly kind: "running"; readonly ended: Promise<void> }
  /** In one line, what stood in the way. */
  | { readonly kind: "cannot-start"; readonly why: string }
  /** By a signal; nothing is left. */
  | { readonly kind: "stopped" };

/** Starts the daemon; resolves once mail can flow, or nothing of it is left. */
export async function startDaemon(options: DaemonOptions): Promise<DaemonStart> {
  const { signals } = options;
  const prepared = await prepareDaemon(options);
  if (typeof prepared === "string")
    return signals.isEnding ? { kind: "stopped" } : { kind: "cannot-start", why: prepared };
  const { offline, parent } = prepared;
  if (signals.isEnding) {
    parent.stop();
    await parent.stopped;
    return { kind: "stopped" };
  }
  const starting = parent.start();
  // What comes of a reload is told to the log.
  signals.areFor({ stop: () => parent.stop(), reload: () => void parent.reload() });
  const started = await starting;
  if (started.kind === "running") {
    offline.start();
    const offlineEnded = parent.stopping.then(() => offline.stop());
    return { kind: "running", ended: parent.stopped.then(() => offlineEnded) };
  }
  parent.stop();
  await parent.stopped;
  return signals.isEnding ? { kind: "stopped" } : { kind: "cannot-start", why: started.why };
}

interface PreparedDaemon {
  readonly offline: OfflineMail;
  readonly parent: Parent<Socket>;
}

/** All but the processes. The string says in one line what stood in the way: nothing is bound then, and no program runs. */
async function prepareDaemon(options: DaemonOptions): Promise<PreparedDaemon | string> {
  const isRoot = process.getuid?.() === 0;
  closeInherited(options.activated.endFd);
  const log = daemonLog(options.log);
  const confining = confined(log, isRoot);
  const accounts = isRoot ? await roleAccounts(options.users) : new Map<Role, Account>();
  const confinement = await confining;
  if (typeof accounts === "string") return accounts;
  const prepared = prepareState(options.paths, accounts);
  if (typeof prepared === "string") return prepared;
  const { setpriv } = confinement;
  const offline = await offlineMail({ ...options, isRoot, accounts, setpriv });
  if (typeof offline === "string") return offline;
  const bound = await bindSockets(
    options.config,
    options.paths.controlSocket,
    { users: options.users, group: (name) => groupId(name, nodeChildren()) },
    options.activated,
  );
  if ("kind" in bound) return bound.why;
  tellUntaken(options.activated, log);
  const parent = new Parent(
    {
      clock: nodeClock(),
      random: nodeRandom(),
      files: nodeFiles(),
      users: options.users,
      tls: nodeTlsSource(),
    },
    {
      config: options.config,
      reader: options.reader,
      spool: options.paths.spool,
      controlSocket: options.paths.controlSocket,
      stapleFolder: options.paths.staples,
      // One core is for the queue: with two cores one dispatcher takes more mail, for less,
      // than two do (bench/RESULTS.md).
      dispatchers: Math.max(1, availableParallelism() - 1),
      accounts,
      isRoot,
      verbose: options.verbose,
      paused: options.paused,
      ownAddresses: options.ownAddresses,
      queueKeys: options.queueKeys,
      maxOpenFiles: maxOpenFiles(),
      openFiles,
    },
    log,
    {
      bound,
      pairs: new SocketPairs(prepared.privateFolder, nodeClock()),
      launch: processLauncher({ log: options.log, confinement }),
    },
  );
  return { offline, parent };
}

/** Who connects there would wait for ever. A reload may bring their listener. */
function tellUntaken(activated: ActivatedSockets, log: DaemonLog): void {
  for (const endpoint of activated.untaken())
    log.warn(
      `the service manager listens on ${formatEndpoint(endpoint)}, which no listener is for`,
    );
}

/** What children are kept from; a line in the log says what this machine does not let us keep from them. */
async function confined(log: DaemonLog, isRoot: boolean): Promise<Confinement> {
  const { confinement, lacks } = await confinementHere(nodeChildren(), isRoot);
  const fault = await forbidCores(confinement, nodeChildren());
  for (const lack of [...lacks, ...(fault === undefined ? [] : [`may leave cores: ${fault}`])])
    log.warn(lack);
  return confinement;
}

/** Who each role runs as when root started the daemon. */
async function roleAccounts(users: Users): Promise<ReadonlyMap<Role, Account> | string> {
  const accounts = new Map<Role, Account>();
  const wanted = Object.entries(ROLES) as [Role, { user: string | undefined }][];
  const named = wanted.flatMap(([role, { user }]) => (user === undefined ? [] : [{ role, user }]));
  const found = await Promise.all(
    named.map(async ({ role, user }) => ({ role, user: await neededUser(users, user) })),
  );
  for (const { role, user } of found) {
    if (typeof user === "string") return user;
    accounts.set(role, { uid: user.uid, gid: user.gid });
  }
  return accounts;
}

/** Makes the folders of the state with the owners that they need. */
function prepareState(
  paths: StatePaths,
  accounts: ReadonlyMap<Role, Account>,
): { readonly privateFolder: string } | string {
  const privateFolder = join(paths.state, "private");
  try {
    const danger =
      makeRootsFolder(paths.state, 0o711) ??
      makeRootsFolder(dirname(paths.enqueueSocket), 0o755) ??
      makeRootsFolder(dirname(paths.staples), 0o755);
    if (danger !== undefined) return danger;
    makePrivateFolder(dirname(paths.controlSocket), undefined);
    makePrivateFolder(privateFolder, undefined);
    makePrivateFolder(paths.spool, accounts.get("queue"));
    mkdirSync(paths.offline, { recursive: true, mode: 0o700 });
    // Where all processes are one user's nobody else's mail could be handed in.
    chmodSync(paths.offline, process.getuid?.() === 0 ? DROP_FOLDER_MODE : 0o700);
    makePrivateFolder(paths.staples, accounts.get("lookup"));
  } catch (error) {
    return `cannot prepare the state folder ${paths.state}: ${describe(error)}`;
  }
  return { privateFolder };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
