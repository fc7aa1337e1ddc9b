/** What checks of a configuration ask of the machine; tests answer in its place. */
import { type Files, type FileStat, FilesError } from "#base/ports/files.ts";
import type { FilesFault, ReadFile } from "#model/config/config-source.ts";
import type { Users } from "#base/ports/users.ts";
import type { Accounts } from "#processes/socket-owner.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeFiles } from "#world/node/files.ts";
import { groupId } from "#world/node/groups.ts";
import { ownAddresses } from "./machine.ts";
import { filesFault } from "./text-files.ts";

export interface Surroundings {
  /** Users and groups. */
  readonly accounts: Accounts;
  readonly files: Pick<Files, "statTarget">;
  readonly read: ReadFile;
  /** Every address of the machine. */
  readonly ownAddresses: readonly string[];
  /** Who checks, and would start the daemon. */
  readonly uid: number;
  readonly nowMs: number;
}

export function systemAccounts(users: Users): Accounts {
  const children = nodeChildren();
  return { users, group: (name) => groupId(name, children) };
}

/** @param read the files of the configuration. */
export function thisMachine(users: Users, read: ReadFile): Surroundings {
  return {
    accounts: systemAccounts(users),
    files: nodeFiles(),
    read,
    ownAddresses: ownAddresses(),
    // Where there are no users every file is one's own.
    uid: process.getuid?.() ?? 0,
    nowMs: Date.now(),
  };
}

/** What a path leads to, or why nobody can say. */
export async function lookAt(
  path: string,
  { files }: Pick<Surroundings, "files">,
): Promise<FileStat | FilesFault> {
  try {
    return await files.statTarget(path);
  } catch (cause) {
    if (!(cause instanceof FilesError)) throw cause;
    return filesFault(cause.cause instanceof Error ? cause.cause : cause);
  }
}

/** Whether the system says that there is no such file; anything else may be for want of rights. */
export function isMissing({ code }: FilesFault): boolean {
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}
