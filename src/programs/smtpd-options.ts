/** The command line of smtpd(8). */
import { parseArgs } from "node:util";
import type { Subsystem } from "#model/ipc/control-link.ts";

export const SMTPD_USAGE =
  "usage: smtpd [-dFhnv] [-D name=value] [-f file] [-P mta|mda|smtp] [--state dir]";

const DEFAULT_CONFIG_FILE = "/etc/mail/smtpd.conf";

export interface SmtpdOptions {
  /** "terminal": -d. "foreground": -F, lines go to the system log. "daemon": neither. */
  readonly mode: "terminal" | "foreground" | "daemon";
  /** -n: check the configuration, start nothing. */
  readonly checkOnly: boolean;
  readonly verbose: boolean;
  readonly configFile: string;
  readonly macros: ReadonlyMap<string, string>;
  readonly paused: readonly Subsystem[];
  readonly stateFolder: string | undefined;
  /** Options that OpenSMTPD has and that change nothing here. */
  readonly ignored: readonly string[];
}

export type ParsedOptions =
  | { readonly kind: "options"; readonly options: SmtpdOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

export function parseSmtpdOptions(
  args: readonly string[],
  environment: { readonly stateFolder: string | undefined },
): ParsedOptions {
  let values: ReturnType<typeof parseValues>;
  try {
    values = parseValues(args);
  } catch (error) {
    return { kind: "wrong", why: error instanceof Error ? error.message : String(error) };
  }
  if (values.h === true) return { kind: "help" };
  if (values.compat !== undefined) {
    return { kind: "wrong", why: "--compat is not built yet" };
  }
  const macros = new Map<string, string>();
  for (const definition of values.D ?? []) {
    // As OpenSMTPD does: the last "=" divides.
    const at = definition.lastIndexOf("=");
    if (at < 1) return { kind: "wrong", why: `-D wants NAME=VALUE: got ${definition}` };
    macros.set(definition.slice(0, at), definition.slice(at + 1));
  }
  const paused: Subsystem[] = [];
  for (const word of values.P ?? []) {
    if (word !== "mta" && word !== "mda" && word !== "smtp") {
      return { kind: "wrong", why: `-P wants mta, mda or smtp: got ${word}` };
    }
    paused.push(word);
  }
  return {
    kind: "options",
    options: {
      mode: values.d === true ? "terminal" : values.F === true ? "foreground" : "daemon",
      checkOnly: values.n === true,
      verbose: (values.v ?? []).length > 0,
      configFile: values.f ?? DEFAULT_CONFIG_FILE,
      macros,
      paused,
      stateFolder: values.state ?? environment.stateFolder,
      ignored: [
        ...(values.B ?? []).map((value) => `-B ${value}`),
        ...(values.T ?? []).map((value) => `-T ${value}`),
      ],
    },
  };
}

function parseValues(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      B: { type: "string", short: "B", multiple: true },
      D: { type: "string", short: "D", multiple: true },
      F: { type: "boolean", short: "F" },
      P: { type: "string", short: "P", multiple: true },
      T: { type: "string", short: "T", multiple: true },
      compat: { type: "string" },
      d: { type: "boolean", short: "d" },
      f: { type: "string", short: "f" },
      h: { type: "boolean", short: "h" },
      n: { type: "boolean", short: "n" },
      state: { type: "string" },
      v: { type: "boolean", short: "v", multiple: true },
    },
  }).values;
}
