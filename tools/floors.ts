/**
 * The floors of `src/`, lowest first: a file imports from its own folder or from
 * folders earlier in this list. `node` names the folders that may import Node
 * modules which reach outside the process; `packages` says which third-party
 * package belongs to which folder.
 */
export interface Floor {
  readonly folder: string;
  readonly reachesOutside?: true;
  readonly packages?: readonly string[];
}

export const FLOORS: readonly Floor[] = [
  { folder: "base" },
  { folder: "base/ports" },
  { folder: "protocols/mail" },
  { folder: "protocols/smtp" },
  { folder: "protocols/dsn" },
  { folder: "model" },
  { folder: "model/config" },
  { folder: "model/ipc" },
  { folder: "policy/tables" },
  { folder: "policy/expand" },
  { folder: "policy/ruleset" },
  { folder: "engine/observe" },
  { folder: "engine/spool" },
  { folder: "engine/bounce" },
  { folder: "engine/scheduler" },
  { folder: "engine/queue" },
  { folder: "engine/server" },
  { folder: "engine/client" },
  { folder: "engine/relay" },
  { folder: "engine/delivery" },
  { folder: "world/sim" },
  { folder: "world/node", reachesOutside: true },
  { folder: "processes", reachesOutside: true },
  { folder: "programs", reachesOutside: true },
];
