/** The daemon's offline mail on the ports of Node: who looks, whose is not handed in, and as whom root's is. */
import type { Users, UsersByUid } from "#base/ports/users.ts";
import { ENQUEUE_USER } from "#model/daemon-users.ts";
import type { Account } from "#processes/child.ts";
import { handInLauncher } from "#processes/hand-in-launch.ts";
import { daemonLog, type LogTarget } from "#processes/log-target.ts";
import { OfflineMail } from "#processes/offline-mail.ts";
import type { Role } from "#processes/roles.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeListedFolder } from "#world/node/listed-folder.ts";
import { serverName } from "./machine.ts";
import { neededUser } from "./needed-user.ts";
import type { StatePaths } from "./state-paths.ts";

export interface OfflineOptions {
  readonly users: Users & UsersByUid;
  readonly paths: Pick<StatePaths, "offline" | "enqueueSocket">;
  readonly log: LogTarget;
  /** setpriv(1). */
  readonly setpriv: string | undefined;
  /** Of the daemon's processes; empty without root. */
  readonly accounts: ReadonlyMap<Role, Account>;
  readonly isRoot: boolean;
}

/** The string says what stood in the way. */
export async function offlineMail(options: OfflineOptions): Promise<OfflineMail | string> {
  const { users, paths, log, setpriv, accounts, isRoot } = options;
  const becomes = isRoot ? await neededUser(users, ENQUEUE_USER) : undefined;
  if (typeof becomes === "string") return becomes;
  return new OfflineMail(
    {
      clock: nodeClock(),
      files: nodeFiles(),
      listed: nodeListedFolder(paths.offline),
      users,
      start: handInLauncher({
        folder: paths.offline,
        socket: paths.enqueueSocket,
        serverName,
        setpriv,
        log,
      }),
    },
    {
      folder: paths.offline,
      looker:
        becomes === undefined
          ? { kind: "user", uid: process.getuid?.() ?? 0 }
          : { kind: "root", becomes },
      daemonUids: new Set(
        [...accounts.values(), ...(becomes === undefined ? [] : [becomes])].map(({ uid }) => uid),
      ),
      ...daemonLog(log),
    },
  );
}
