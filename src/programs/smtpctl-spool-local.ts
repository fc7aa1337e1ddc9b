/** What the commands of `smtpctl spool` need of this machine. */
import { lstatSync } from "node:fs";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { ownedFiles } from "./owned-files.ts";
import { queueKeys, standardKeyTools } from "./queue-key.ts";
import type { Output } from "./smtpctl-printer.ts";
import { runSpool, type SpoolCommand, type SpoolTools } from "./smtpctl-spool-commands.ts";

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
  };
  return runSpool(command, args, tools, output);
}
