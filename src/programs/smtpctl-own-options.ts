/**
 * The commands of smtpctl(8) that have options of their own, and so are not only words:
 * `explain`, `config diff`, `encrypt` and those of `spool`. What they need is loaded when they are called.
 */
import type { Network } from "#base/ports/network.ts";
import { matchCommand } from "./command-words.ts";
import { COMMANDS, type OwnCommand, PARAMETERS } from "./smtpctl-commands.ts";
import type { Output } from "./smtpctl-printer.ts";
import { type StatePaths, statePaths } from "./state-paths.ts";

export interface OwnOptions {
  readonly command: OwnCommand;
  /** All arguments but the words of the command. */
  readonly args: readonly string[];
}

export interface OwnOptionsSetting {
  readonly network: Network;
  /** POSTRIDER_STATE; `--state` goes before it. */
  readonly stateFolder: string | undefined;
  readonly uid: number;
  readonly output: Output;
}

/** Undefined if `args` are another command. Options of smtpctl itself may stand before the words. */
export function findOwnOptions(args: readonly string[]): OwnOptions | undefined {
  let at = 0;
  while (args[at]?.startsWith("--") === true) at += args[at] === "--state" ? 2 : 1;
  for (const own of COMMANDS) {
    if (own.kind !== "own") continue;
    const end = at + own.words.length;
    const matched = matchCommand(args.slice(at, end), COMMANDS, PARAMETERS);
    if (matched.kind === "matched" && matched.command === own)
      return { command: own.command, args: [...args.slice(0, at), ...args.slice(end)] };
  }
  return undefined;
}

const SPOOL_COMMANDS = {
  "spool verify": "verify",
  "spool compact": "compact",
  "spool export": "export",
  "spool import": "import",
} as const;

/** Carries out the command and returns the exit status. */
export async function runOwnOptions(
  { command, args }: OwnOptions,
  setting: OwnOptionsSetting,
): Promise<number> {
  const { network, uid, output } = setting;
  if (command === "encrypt") return encrypt(args, output);
  const pathsOf = (stateFolder: string | undefined): StatePaths =>
    statePaths(stateFolder ?? setting.stateFolder, uid);
  const { chosenReader, localExplainTools } = await import("./smtpctl-local.ts");
  const { runningDaemon } = await import("./smtpctl-running.ts");
  const running = runningDaemon(network, pathsOf);
  const read = chosenReader(pathsOf);
  if (command === "explain") {
    const { runExplain } = await import("./smtpctl-explain.ts");
    return runExplain(args, { ...localExplainTools(read), ask: running.explain }, output);
  }
  if (command !== "config diff") {
    const { runLocalSpool } = await import("./smtpctl-spool-local.ts");
    const spoolFolder = (stateFolder: string | undefined): string => pathsOf(stateFolder).spool;
    return runLocalSpool(SPOOL_COMMANDS[command], args, { read, spoolFolder }, output);
  }
  const { runConfigDiff } = await import("./smtpctl-config-diff.ts");
  return runConfigDiff(args, { read, running: running.outline }, output);
}

async function encrypt(args: readonly string[], output: Output): Promise<number> {
  const { createInterface } = await import("node:readline");
  const { nodePasswordHashing } = await import("#world/node/password-hashing.ts");
  const { nodeRandom } = await import("#world/node/random.ts");
  const { runEncrypt } = await import("./smtpctl-encrypt.ts");
  const lines = createInterface({ input: process.stdin });
  try {
    const tools = { hashing: nodePasswordHashing(), random: nodeRandom(), lines };
    return await runEncrypt(args, tools, output);
  } finally {
    lines.close();
  }
}
