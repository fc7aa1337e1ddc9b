/** Files and folders of the daemon, and whose they have to be. */
import { dirname, join } from "node:path";
import type { OwnedPath } from "#engine/doctor/state-checks.ts";
import { ROLES } from "#processes/roles.ts";
import type { StatePaths } from "./state-paths.ts";

/** Anything for others. */
const NOTHING_FOR_OTHERS = 0o077;
const NO_READING = 0o044;
/** Only who owns a file may take it away. */
const STICKY = 0o1000;
/** Others may pass, and may not write. */
const NO_WRITING = 0o022;

/** @param user who starts the daemon: root, or anybody on high ports. */
export function ownedPaths(
  paths: StatePaths,
  configFile: string,
  user: string,
): readonly OwnedPath[] {
  const ofQueue = user === "root" ? [ROLES.queue.user ?? user] : [user];
  const ofLookup = user === "root" ? [ROLES.lookup.user ?? user] : [user];
  const owners = user === "root" ? ["root"] : [user, "root"];
  const folders = [
    folder(paths.state, owners, NO_WRITING),
    folder(join(paths.state, "private"), owners, NOTHING_FOR_OTHERS),
    folder(paths.spool, ofQueue, NOTHING_FOR_OTHERS),
    dropFolder(paths.offline, owners, user),
    folder(paths.staples, ofLookup, NOTHING_FOR_OTHERS),
  ];
  const ofSockets = [
    folder(dirname(paths.enqueueSocket), owners, NO_WRITING),
    folder(dirname(paths.controlSocket), owners, NOTHING_FOR_OTHERS),
  ].filter(({ path }) => !folders.some((known) => known.path === path));
  return [
    {
      name: "configuration-file",
      kind: "file",
      path: configFile,
      owners,
      forbiddenBits: NO_WRITING,
      neededBits: 0,
    },
    ...folders,
    ...ofSockets,
    {
      name: "socket",
      kind: "socket",
      path: paths.controlSocket,
      owners,
      forbiddenBits: NOTHING_FOR_OTHERS,
      neededBits: 0,
    },
  ];
}

/** Everybody may put a file into root's, and nobody may look or take another's away (offline mail). */
function dropFolder(path: string, owners: readonly string[], user: string): OwnedPath {
  const isShared = user === "root";
  return {
    name: "folder",
    kind: "folder",
    path,
    owners,
    forbiddenBits: isShared ? NO_READING : NOTHING_FOR_OTHERS,
    neededBits: isShared ? STICKY : 0,
  };
}

function folder(path: string, owners: readonly string[], forbiddenBits: number): OwnedPath {
  return { name: "folder", kind: "folder", path, owners, forbiddenBits, neededBits: 0 };
}
