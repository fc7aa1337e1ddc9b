/** What the commands of `smtpctl spool` need of this machine. */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { DEAF } from "#base/ports/network.ts";
import { ROLES } from "#processes/roles.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeUsers } from "#world/node/users.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { neededUser } from "./needed-user.ts";
import { ownedFiles } from "./owned-files.ts";
import { queueKeys, standardKeyTools } from "./queue-key.ts";
import type { Output } from "./smtpctl-printer.ts";
import { makePrivateFolder, makeRootsFolder } from "./state-folders.ts";
import { runSpool, type SpoolCommand, type SpoolTools } from "./smtpctl-spool-commands.ts";

const ANSWER_WITHIN_MS = 5_000;

/** As the daemon would at its first start. */
async function makeSpool(spool: string): Promise<string | undefined> {
  if (lstatSync(spool, { throwIfNoEntry: false }) !== undefined) return undefined;
  const owner =
    process.getuid?.() === 0
      ? await neededUser(nodeUsers(nodeChildren(), nodeClock()), ROLES.queue.user ?? "")
      : undefined;
  if (typeof owner === "string") return owner;
  try {
    const danger = makeRootsFolder(dirname(spool), 0o711);
    if (danger !== undefined) return danger;
    makePrivateFolder(spool, owner);
    return undefined;
  } catch (error) {
    return `cannot make ${spool}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function runLocalSpool(
  command: SpoolCommand,
  args: readonly string[],
  place: Pick<SpoolTools, "read" | "spoolFolder">,
  output: Output,
): Promise<number> {
  const files = nodeFiles();
  const tools: SpoolTools = {
    ...place,
    files,
    clock: nodeClock(),
    random: nodeRandom(),
    keys: (config) => queueKeys(config, standardKeyTools()),
    spoolFiles(spool) {
      const stat = lstatSync(spool, { throwIfNoEntry: false });
      const isOurs = stat === undefined || stat.uid === process.getuid?.();
      return isOurs ? files : ownedFiles(files, stat);
    },
    makeSpool,
    async answers(path) {
      const to = { kind: "unix", path } as const;
      const connection = await nodeNetwork().connect(to, { timeoutMs: ANSWER_WITHIN_MS });
      if ("kind" in connection) return false;
      connection.start(DEAF);
      connection.destroy();
      return true;
    },
  };
  return runSpool(command, args, tools, output);
}
