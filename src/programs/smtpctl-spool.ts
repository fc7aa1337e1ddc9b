/** The spool of this machine, as smtpctl(8) reads it while no daemon runs. */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Clock } from "#base/ports/clock.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import { viewSpool } from "#engine/spool/spool-view.ts";
import { nodeFiles } from "#world/node/files.ts";
import { type OfflineQueue, offlineQueue } from "./smtpctl-offline.ts";

export function nodeOfflineQueue(clock: Clock): OfflineQueue {
  const files = nodeFiles();
  return offlineQueue(async (folder) => {
    if (!(await isThere(files, `${folder}/journal`))) return undefined;
    const opened = await viewSpool({ files, folder, keys: new Keyring([]) });
    return opened.kind === "opened" ? opened.view : opened.reason;
  }, clock);
}

/** A folder that may not be looked into is there. */
async function isThere(files: Files, folder: string): Promise<boolean> {
  try {
    await files.list(folder);
    return true;
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return error.code !== "ENOENT";
  }
}
