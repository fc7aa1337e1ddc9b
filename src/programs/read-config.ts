/**
 * The configuration in a file, as this machine gives it its meaning: read at start, by
 * `smtpd -n`, at a reload, and by `smtpctl explain -f`.
 *
 * Names after `listen on` are looked up where `compat opensmtpd` asks for it, before
 * the meaning is final; nothing else here leaves the machine.
 */
import { lookup } from "node:dns/promises";
import type { BuildContext, ConfigSource } from "#model/config/config-source.ts";
import { type ParsedConfig, parseConfig } from "#model/config/parse-config.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import type { FileChoice } from "./file-choice.ts";
import { egressInterfaces, interfaces, serverName } from "./machine.ts";
import { configSource } from "./text-files.ts";

/** More names than any file listens on; each may take a resolver's patience. */
const MAX_HOST_NAMES = 64;

/** What its meaning depends on besides the machine. */
export interface ConfigChoice extends Omit<FileChoice, "stateFolder"> {
  readonly enqueueSocketPath: string;
}

export interface ReadConfig extends ParsedConfig {
  /** What the machine gave. */
  readonly context: BuildContext;
}

export async function readConfig(
  choice: ConfigChoice,
  source: ConfigSource = configSource(choice.file),
): Promise<ReadConfig> {
  const context: BuildContext = {
    serverName: serverName(),
    interfaces: interfaces(),
    egress: egressInterfaces(),
    enqueueSocketPath: choice.enqueueSocketPath,
    macros: choice.macros,
    compat: choice.compat,
    checkRegex,
    checkRegexTable,
  };
  const parsed = parseConfig(source, context);
  if (parsed.hostNames.length === 0) return { ...parsed, context };
  const hostAddresses = await resolveAll(parsed.hostNames.slice(0, MAX_HOST_NAMES));
  const resolved = { ...context, hostAddresses };
  return { ...parseConfig(source, resolved), context: resolved };
}

/** A name without an answer is missing: it is a complaint about its line. */
async function resolveAll(
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = await Promise.allSettled(names.map((name) => lookup(name, { all: true })));
  const byName = new Map<string, readonly string[]>();
  for (const [index, answer] of answers.entries()) {
    const name = names[index];
    if (answer.status === "fulfilled" && name !== undefined)
      byName.set(name, [...new Set(answer.value.map(({ address }) => address))]);
  }
  return byName;
}
