/**
 * The roles of the daemon's processes: which user each runs as, and what the
 * runtime lets it do.
 *
 * Node's permission model refuses every fsync, so the queue and the agents, which
 * must sync, run without it and are held by their user alone. `--allow-net` with no
 * writing and no child processes is what a process that faces strangers gets; its
 * reading is for the program's own source files, and is dropped after start.
 */
export type Role = "dispatcher" | "queue" | "control" | "agent";

export interface RoleTraits {
  /** System user, when the daemon was started by root; an agent runs as the recipient. */
  readonly user: string | undefined;
  /** Flags for Node; `checkout` is the folder that holds the sources. */
  nodeFlags(checkout: string): readonly string[];
}

/** A process of the same user could otherwise open the inspector of another. */
const EVERY = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
/** SQLite opens files outside the permission model. */
const NO_SQLITE = "--no-experimental-sqlite";

const netOnly = (checkout: string): readonly string[] => [
  ...EVERY,
  NO_SQLITE,
  "--permission",
  "--allow-net",
  `--allow-fs-read=${checkout}`,
];

export const ROLES: Readonly<Record<Role, RoleTraits>> = {
  dispatcher: {
    user: "_smtpd",
    nodeFlags: (checkout) => [...netOnly(checkout), "--max-semi-space-size=8"],
  },
  queue: {
    user: "_smtpq",
    nodeFlags: () => [...EVERY, NO_SQLITE, "--max-semi-space-size=16"],
  },
  control: { user: "_smtpc", nodeFlags: (checkout) => [...netOnly(checkout)] },
  agent: { user: undefined, nodeFlags: () => [...EVERY, NO_SQLITE] },
};
