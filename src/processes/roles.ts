/**
 * The roles of the daemon's processes: which user each runs as, and what the
 * runtime lets it do.
 *
 * Node's permission model refuses every fsync, so the queue and the agents, which
 * must sync, run without it and are held by their user alone. `--allow-net` with no
 * writing and no child processes is what a process that faces strangers gets; its
 * reading is for the program's own files, and is dropped after start.
 */
import { join } from "node:path";
import { NO_REACH, type Reach } from "./reach.ts";

export type Role = "dispatcher" | "queue" | "lookup" | "auth" | "control" | "local" | "agent";

export interface RoleTraits {
  /** System user, when the daemon was started by root; an agent runs as the recipient. */
  readonly user: string | undefined;
  /**
   * Flags for Node.
   *
   * @param programs the folder that it loads its code from (program-files.ts).
   * @param reach of lookup.
   */
  nodeFlags(programs: string, reach?: Reach): readonly string[];
  /** Without it, and as root, it is started where there is no network (confinement.ts). */
  hasNetwork(reach?: Reach): boolean;
  /** Of its environment, besides what all have. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A process of the same user could otherwise open the inspector of another. */
const EVERY = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
/**
 * Room for young objects. Most of what a message needs dies with it at once, so more room
 * than this buys no speed (measured: 4, 8 and 16 MiB alike) and costs three times itself.
 */
const YOUNG_SPACE = "--max-semi-space-size=4";
/** For processes that stay: see spare-memory.ts. */
const COLLECTS = "--expose-gc";
/**
 * For processes that answer little, and are there as long as the daemon: V8 keeps less for
 * speed. Measured: control 22 MB without this and 18 MB with it, local 23 and 20 MB.
 */
const SMALL = "--optimize-for-size";
/**
 * How far, in percent, the heap may grow beyond what is alive before it is collected. Of the
 * queue little is alive, as what waits lies outside of the heap; what a start and a share of
 * those that are due need for a while, V8 would keep by itself. Measured with 200,000 messages
 * waiting (bench/backlog.ts): 179 MB without this, 121 MB with it, for no more CPU.
 */
const TIGHT_HEAP = "--heap-growing-percent=60";
/**
 * Texts lie outside of V8's heap. By itself V8 collects all of a heap of 10 MB for each 5 MB
 * of them; with this their limit grows with that of the heap. Measured with messages of
 * 10 MiB, CPU of dispatcher and queue for each: 77 ms without this, 49 ms with it, at 16 MB
 * more in the dispatcher; small messages cost the same.
 */
const ROOM_FOR_TEXTS = "--external-memory-accounted-in-global-limit";
/**
 * What glibc has once given out in pieces of up to 32 MB it else keeps, for each of its threads,
 * to give it out again (mallopt(3)). Measured: lookup after 150 hashes of argon2id, of 19 MiB
 * each, 212 MB without this, 70 MB with it; the queue after a start with a million envelopes,
 * whose columns have grown, 425 and 365 MB.
 */
const RETURNS_MEMORY: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: "1048576" };
/**
 * There may be a hundred agents, each of which is idle most of its time: one thread for V8's
 * compilers and collector, and young objects that are not collected while it starts. Measured
 * with a hundred agents and forty messages for each: 5 % less CPU, 2 % less memory.
 */
const ONE_OF_MANY: readonly string[] = ["--v8-pool-size=1", "--min-semi-space-size=2"];
/** Threads that wait for a disk: syncs that wait together share a commit of the file system. */
const MANY_SYNCS: Readonly<Record<string, string>> = { UV_THREADPOOL_SIZE: "16" };
/** SQLite opens files outside the permission model, for reading and for writing (tried with Node 26.10). */
const NO_SQLITE = "--no-experimental-sqlite";
/** Of each process that has no use for SQLite, of a role or not. */
export const FLAGS_OF_ALL: readonly string[] = [...EVERY, NO_SQLITE];

/** Names of hosts, and whom to ask for more. Read at the start. */
const NAME_FILES: readonly string[] = ["/etc/hosts", "/etc/resolv.conf"];

const netOnly = (programs: string): readonly string[] => [
  ...EVERY,
  NO_SQLITE,
  "--permission",
  "--allow-net",
  ...[programs, ...NAME_FILES].map((path) => `--allow-fs-read=${path}`),
];

export const ROLES: Readonly<Record<Role, RoleTraits>> = {
  dispatcher: {
    user: "_smtpd",
    nodeFlags: (programs) => [...netOnly(programs), COLLECTS, YOUNG_SPACE, ROOM_FOR_TEXTS],
    hasNetwork: () => true,
  },
  queue: {
    user: "_smtpq",
    nodeFlags: () => [...FLAGS_OF_ALL, COLLECTS, YOUNG_SPACE, TIGHT_HEAP, ROOM_FOR_TEXTS],
    hasNetwork: () => false,
    environment: RETURNS_MEMORY,
  },
  // Its files are those of the configuration, which a reload may change: it may read all that
  // its user may. The network it has only while an issuer of tokens or a responder of OCSP is
  // to be asked, or a policy of MTA-STS to be fetched; for the two latter also a folder of its
  // own to write in. The model reaches only so far: crypt(3) is called by an addon, which is
  // outside of it; but without the network there is none for the addon either.
  lookup: {
    user: "_smtpl",
    nodeFlags: (_, { network, stapleFolder } = NO_REACH) => [
      ...EVERY,
      "--disable-warning=PERM0001",
      "--permission",
      "--allow-fs-read=*",
      "--allow-addons",
      ...(network ? ["--allow-net"] : []),
      ...(stapleFolder === undefined ? [] : [`--allow-fs-write=${join(stapleFolder, "*")}`]),
      COLLECTS,
      YOUNG_SPACE,
    ],
    hasNetwork: ({ network } = NO_REACH) => network,
    environment: RETURNS_MEMORY,
  },
  // Nobody but root may check the passwords of the system's users, and what PAM asks is code
  // of the system's own, with helpers, and with servers to ask.
  auth: {
    user: undefined,
    nodeFlags: () => FLAGS_OF_ALL,
    hasNetwork: () => true,
  },
  control: {
    user: "_smtpc",
    nodeFlags: (programs) => [...netOnly(programs), COLLECTS, SMALL],
    hasNetwork: () => false,
  },
  // It listens on descriptors that it has. The addon is outside of the permission model: its
  // user, and that it has neither network nor programs (confinement.ts), hold it.
  local: {
    user: "_smtpe",
    nodeFlags: () => [
      ...FLAGS_OF_ALL,
      "--disable-warning=PERM0001",
      "--permission",
      "--allow-net",
      // Until the addon is loaded (role-process.ts).
      "--allow-fs-read=*",
      "--allow-addons",
      "--max-semi-space-size=1",
      COLLECTS,
      SMALL,
    ],
    hasNetwork: () => false,
  },
  // It is the account, which may start what it likes; its commands it does start.
  agent: {
    user: undefined,
    nodeFlags: () => [...FLAGS_OF_ALL, ...ONE_OF_MANY],
    hasNetwork: () => true,
    environment: MANY_SYNCS,
  },
};
