/** A machine around a configuration, as far as checks of certificates look: files of root's, and nobody else. */
import type { Surroundings } from "#programs/surroundings.ts";
import { SimUsers } from "#world/sim/users.ts";

/** @param hidden paths that whoever checks may not read. */
export function surroundingsOf(
  files: Readonly<Record<string, string>>,
  hidden: readonly string[] = [],
): Surroundings {
  return {
    accounts: { users: new SimUsers(), group: async () => ({ kind: "absent" }) },
    files: {
      statTarget: async () => ({
        kind: "file",
        bytes: 1000,
        mode: 0o600,
        uid: 0,
        links: 1,
        modifiedAtMs: 0,
      }),
    },
    read: (path) =>
      files[path] ?? {
        kind: "files-fault",
        code: hidden.includes(path) ? "EACCES" : "ENOENT",
        message: "no",
      },
    ownAddresses: [],
    uid: 0,
    nowMs: Date.now(),
  };
}
