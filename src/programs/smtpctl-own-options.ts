/**
 * The commands of smtpctl(8) that have options of their own, and so are not only words:
 * `completion`, `config diff`, `doctor`, `encrypt`, `explain`, `import`, `spf walk`, `version` and those of
 * `spool`. What they need is loaded when they are called.
 */
import type { Network } from "#base/ports/network.ts";
import { unreachable } from "#base/unreachable.ts";
import { matchCommand } from "./command-words.ts";
import { COMMANDS, type OwnCommand, PARAMETERS } from "./smtpctl-commands.ts";
import type { Shell } from "./smtpctl-completion.ts";
import type { Output } from "./smtpctl-printer.ts";
import type { SpoolCommand } from "./smtpctl-spool-commands.ts";
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
  "import opensmtpd": "import",
} as const;

/** Carries out the command and returns the exit status. */
export async function runOwnOptions(
  { command, args }: OwnOptions,
  setting: OwnOptionsSetting,
): Promise<number> {
  const { network, uid, output } = setting;
  const pathsOf: PathsOf = (stateFolder) => statePaths(stateFolder ?? setting.stateFolder, uid);
  switch (command) {
    case "encrypt":
      return encrypt(args, output);
    case "explain":
      return explain(args, network, pathsOf, output);
    case "config diff":
      return configDiff(args, network, pathsOf, output);
    case "doctor":
      return doctor(args, network, pathsOf, output);
    case "completion bash":
    case "completion zsh":
      return completion(command === "completion bash" ? "bash" : "zsh", args, output);
    case "spf walk":
      return spfWalk(args, output);
    case "version":
      return version(args, output);
    case "spool verify":
    case "spool compact":
    case "spool export":
    case "import opensmtpd":
      return spool(SPOOL_COMMANDS[command], args, pathsOf, output);
    default:
      return unreachable(command);
  }
}

type PathsOf = (stateFolder: string | undefined) => StatePaths;

async function explain(
  args: readonly string[],
  network: Network,
  pathsOf: PathsOf,
  output: Output,
): Promise<number> {
  const { chosenReader, localExplainTools } = await import("./smtpctl-local.ts");
  const { runningDaemon } = await import("./smtpctl-running.ts");
  const { runExplain } = await import("./smtpctl-explain.ts");
  const ask = runningDaemon(network, pathsOf).explain;
  return runExplain(args, { ...localExplainTools(chosenReader(pathsOf)), ask }, output);
}

async function configDiff(
  args: readonly string[],
  network: Network,
  pathsOf: PathsOf,
  output: Output,
): Promise<number> {
  const { chosenReader } = await import("./smtpctl-local.ts");
  const { runningDaemon } = await import("./smtpctl-running.ts");
  const { runConfigDiff } = await import("./smtpctl-config-diff.ts");
  const running = runningDaemon(network, pathsOf).outline;
  return runConfigDiff(args, { read: chosenReader(pathsOf), running }, output);
}

async function spool(
  command: SpoolCommand,
  args: readonly string[],
  pathsOf: PathsOf,
  output: Output,
): Promise<number> {
  const { chosenReader } = await import("./smtpctl-local.ts");
  const { runLocalSpool } = await import("./smtpctl-spool-local.ts");
  const spoolFolder = (stateFolder: string | undefined): string => pathsOf(stateFolder).spool;
  return runLocalSpool(command, args, { read: chosenReader(pathsOf), spoolFolder }, output);
}

async function doctor(
  args: readonly string[],
  network: Network,
  pathsOf: PathsOf,
  output: Output,
): Promise<number> {
  const { runLocalDoctor } = await import("./smtpctl-doctor-local.ts");
  return runLocalDoctor(args, network, pathsOf, output);
}

async function completion(shell: Shell, args: readonly string[], output: Output): Promise<number> {
  const { runCompletion } = await import("./smtpctl-completion.ts");
  return runCompletion(shell, args, output);
}

async function version(args: readonly string[], output: Output): Promise<number> {
  const { runVersion } = await import("./smtpctl-version.ts");
  const { node, openssl } = process.versions;
  return runVersion(args, { node, openssl }, output);
}

async function spfWalk(args: readonly string[], output: Output): Promise<number> {
  const { createInterface } = await import("node:readline");
  const { BoundedResolver } = await import("#engine/explain/bounded-resolver.ts");
  const { nodeResolver } = await import("#world/node/dns/resolver.ts");
  const { nodeClock } = await import("#world/node/clock.ts");
  const { runSpfWalk } = await import("./smtpctl-spf.ts");
  const lines = createInterface({ input: process.stdin });
  const resolver = new BoundedResolver(nodeResolver(), nodeClock());
  try {
    return await runSpfWalk(args, { resolver, lines }, output);
  } finally {
    lines.close();
  }
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
