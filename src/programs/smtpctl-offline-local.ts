/** The spool of this machine, as smtpctl(8) reads it while no daemon runs. */
import { existsSync } from "node:fs";
import { type Files, FilesError } from "#base/ports/files.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import { viewSpool } from "#engine/spool/spool-view.ts";
import { traceFolder } from "#engine/trace/trace-folder.ts";
import { nodeFiles } from "#world/node/files.ts";
import { queueKeys, standardKeyTools } from "./queue-key.ts";
import { chosenReader } from "./smtpctl-local.ts";
import { type OfflineQueue, offlineQueue } from "./smtpctl-offline.ts";
import type { SmtpctlSetting } from "./smtpctl-run.ts";
import { DEFAULT_CONFIG_FILE } from "./smtpd-options.ts";
import { statePaths } from "./state-paths.ts";

export function nodeOfflineQueue({ clock, uid }: SmtpctlSetting): OfflineQueue {
  const files = nodeFiles();
  return offlineQueue(async ({ spool, configFile }) => {
    if (!(await isThere(files, `${spool}/journal`))) return undefined;
    const keys = await keysBy(configFile, uid);
    if (typeof keys === "string") return keys;
    const opened = await viewSpool({ files, folder: spool, keys });
    if (opened.kind !== "opened") return opened.reason;
    const { view } = opened;
    return {
      messages: view.messages,
      text: (msgid) => view.text(msgid),
      trace: { files, folder: traceFolder(spool), keys, pause: async () => undefined },
    };
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

/** None without a configuration: most spools need none. A string says what is wrong with it. */
async function keysBy(configFile: string | undefined, uid: number): Promise<Keyring | string> {
  const file = configFile ?? DEFAULT_CONFIG_FILE;
  if (configFile === undefined && !existsSync(file)) return new Keyring([]);
  const complaints: string[] = [];
  const read = chosenReader((folder) => statePaths(folder, uid));
  const choice = { file, macros: new Map(), compat: "none", stateFolder: undefined } as const;
  const config = await read(choice, (complaint) => complaints.push(complaint));
  if (config === undefined) {
    // Nobody has asked for this one.
    if (configFile === undefined) return new Keyring([]);
    return complaints[0] ?? `${file} cannot be used`;
  }
  const keys = await queueKeys(config, standardKeyTools());
  return "why" in keys ? keys.why : new Keyring(keys);
}
