/** The command line of smtpd(8). */
import { parseArgs } from "node:util";
import type { Subsystem } from "#model/ipc/control-link.ts";
import { chooseFile, type FileChoice } from "./file-choice.ts";

export const SMTPD_USAGE: string =
  "usage: smtpd [-dFhnv] [-D name=value] [-f file] [-P mta|mda|smtp]\n" +
  "             [--compat opensmtpd] [--print] [--state dir]";

export const DEFAULT_CONFIG_FILE = "/etc/mail/smtpd.conf";

export interface SmtpdOptions extends FileChoice {
  /** "terminal": -d. "foreground": -F, lines go to the system log. "daemon": neither. */
  readonly mode: "terminal" | "foreground" | "daemon";
  /** -n: check the configuration, start nothing. */
  readonly checkOnly: boolean;
  /** --print, with -n: show the meaning of the configuration, and where each value is from. */
  readonly print: boolean;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
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
  if (values.h) return { kind: "help" };
  const config = chooseFile(values.f ?? DEFAULT_CONFIG_FILE, {
    ...values,
    state: values.state ?? environment.stateFolder,
  });
  if (typeof config === "string") return { kind: "wrong", why: config };
  if (values.print && !values.n) return { kind: "wrong", why: "--print goes with -n" };
  const paused = subsystemsOf(values.P);
  if (typeof paused === "string") return { kind: "wrong", why: paused };
  return {
    kind: "options",
    options: {
      mode: values.d ? "terminal" : values.F ? "foreground" : "daemon",
      checkOnly: values.n,
      print: values.print,
      verbose: values.v.length > 0,
      ...config,
      paused,
      ignored: [
        ...values.B.map((value) => `-B ${value}`),
        ...values.T.map((value) => `-T ${value}`),
      ],
    },
  };
}

function subsystemsOf(words: readonly string[]): readonly Subsystem[] | string {
  const subsystems: Subsystem[] = [];
  for (const word of words) {
    if (word !== "mta" && word !== "mda" && word !== "smtp") {
      return `-P wants mta, mda or smtp: got ${word}`;
    }
    subsystems.push(word);
  }
  return subsystems;
}

function parseValues(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      B: { type: "string", short: "B", multiple: true, default: [] },
      D: { type: "string", short: "D", multiple: true, default: [] },
      F: { type: "boolean", short: "F", default: false },
      P: { type: "string", short: "P", multiple: true, default: [] },
      T: { type: "string", short: "T", multiple: true, default: [] },
      compat: { type: "string" },
      d: { type: "boolean", short: "d", default: false },
      f: { type: "string", short: "f" },
      h: { type: "boolean", short: "h", default: false },
      n: { type: "boolean", short: "n", default: false },
      print: { type: "boolean", default: false },
      state: { type: "string" },
      v: { type: "boolean", short: "v", multiple: true, default: [] },
    },
  }).values;
}
