/** A configuration file that a command line names, and what else its meaning depends on. */
import type { Config } from "#model/config/config.ts";
import { parseMacroArgument } from "#model/config/config-source.ts";

export interface FileChoice {
  readonly file: string;
  /** `-D NAME=VALUE`. */
  readonly macros: ReadonlyMap<string, string>;
  /** `--compat`. */
  readonly compat: "none" | "opensmtpd";
  /** `--state`: where `listen on socket` listens depends on it. */
  readonly stateFolder: string | undefined;
}

/** The configuration in a file; undefined if it has errors, each of which is told. */
export type ReadChosen = (
  choice: FileChoice,
  complain: (complaint: string) => void,
) => Promise<Config | undefined>;

/** Of a command that reads a configuration. */
export const FILE_OPTIONS = {
  D: { type: "string", short: "D", multiple: true },
  compat: { type: "string" },
  state: { type: "string" },
} as const;

/** Words of the command line. */
export interface FileOptions {
  readonly D?: readonly string[] | undefined;
  readonly compat?: string | undefined;
  readonly state?: string | undefined;
}

/** The string says what is wrong with the options. */
export function chooseFile(file: string, options: FileOptions): FileChoice | string {
  const { D = [], compat = "none", state: stateFolder } = options;
  if (compat !== "none" && compat !== "opensmtpd")
    return `--compat wants opensmtpd or none: got ${compat}`;
  const macros = macrosOf(D);
  return typeof macros === "string" ? macros : { file, macros, compat, stateFolder };
}

function macrosOf(definitions: readonly string[]): ReadonlyMap<string, string> | string {
  const macros = new Map<string, string>();
  for (const definition of definitions) {
    const macro = parseMacroArgument(definition);
    if (macro === undefined) return `-D wants NAME=VALUE: got ${definition}`;
    macros.set(macro.name, macro.value);
  }
  return macros;
}
