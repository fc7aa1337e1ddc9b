/** The command line of `smtpctl explain`. Source: smtpctl(8). */
import { parseArgs } from "node:util";
import type { ExplainQuestion } from "#model/explanation.ts";
import { parseMacroArgument } from "#model/config/config-source.ts";
import type { Form } from "./smtpctl-printer.ts";

export const EXPLAIN_USAGE: string =
  "usage: smtpctl explain --from address --rcpt address ... [--src ip] [--rdns name] [--helo name]\n" +
  "               [--auth user] [--tls] [--listener name] [--message file] [--no-dns] [--json]\n" +
  "               [-f file] [-D name=value] [--compat opensmtpd] [--state dir]";

/** A configuration file, and what else its meaning depends on. */
export interface FileChoice {
  readonly file: string;
  readonly macros: ReadonlyMap<string, string>;
  readonly compat: "none" | "opensmtpd";
  /** `--state`: where `listen on socket` listens depends on it. */
  readonly stateFolder: string | undefined;
}

export interface ExplainArguments {
  readonly kind: "arguments";
  readonly question: ExplainQuestion;
  /** Undefined: the running daemon is asked. */
  readonly config: FileChoice | undefined;
  readonly messageFile: string | undefined;
  readonly form: Form;
  readonly stateFolder: string | undefined;
}

export interface WrongArguments {
  readonly kind: "wrong";
  readonly why: string;
}

/** @param args without the word `explain`. */
export function parseExplainArguments(args: readonly string[]): ExplainArguments | WrongArguments {
  try {
    return read(parseValues(args));
  } catch (error) {
    if (error instanceof TypeError) return wrong(error.message);
    throw error;
  }
}

function read(values: ReturnType<typeof parseValues>): ExplainArguments | WrongArguments {
  if (values.from === undefined) return wrong("--from is missing; --from '' is the null sender");
  if (values.rcpt.length === 0) return wrong("--rcpt is missing");
  const config = fileChoice(values);
  if (config !== undefined && "why" in config) return config;
  return {
    kind: "arguments",
    question: {
      reversePath: withoutAngles(values.from),
      forwardPaths: values.rcpt.map(withoutAngles),
      source: values.src,
      helo: values.helo,
      reverseName: values.rdns,
      username: values.auth ?? "",
      tls: values.tls,
      listener: values.listener,
      sizeBytes: 0,
      dns: !values["no-dns"],
    },
    config,
    messageFile: values.message,
    form: values.json ? "json" : "text",
    stateFolder: values.state,
  };
}

interface FileValues {
  readonly f?: string | undefined;
  readonly D: readonly string[];
  readonly compat?: string | undefined;
  readonly state?: string | undefined;
}

/** Undefined if no file is named. */
export function fileChoice({
  f,
  D,
  compat,
  state,
}: FileValues): FileChoice | WrongArguments | undefined {
  if (compat !== undefined && compat !== "opensmtpd")
    return wrong(`--compat wants opensmtpd: got ${compat}`);
  const macros = new Map<string, string>();
  for (const definition of D) {
    const macro = parseMacroArgument(definition);
    if (macro === undefined) return wrong(`-D wants NAME=VALUE: got ${definition}`);
    macros.set(macro.name, macro.value);
  }
  if (f !== undefined) return { file: f, macros, compat: compat ?? "none", stateFolder: state };
  const isIdle = macros.size > 0 || compat !== undefined;
  return isIdle ? wrong("-D and --compat are for a file: -f is missing") : undefined;
}

function withoutAngles(address: string): string {
  return address.startsWith("<") && address.endsWith(">") ? address.slice(1, -1) : address;
}

export function wrong(why: string): WrongArguments {
  return { kind: "wrong", why };
}

function parseValues(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      D: { type: "string", short: "D", multiple: true, default: [] },
      auth: { type: "string" },
      compat: { type: "string" },
      f: { type: "string", short: "f" },
      from: { type: "string" },
      helo: { type: "string" },
      json: { type: "boolean", default: false },
      listener: { type: "string" },
      message: { type: "string" },
      "no-dns": { type: "boolean", default: false },
      rcpt: { type: "string", multiple: true, default: [] },
      rdns: { type: "string" },
      src: { type: "string" },
      state: { type: "string" },
      tls: { type: "boolean", default: false },
    },
  }).values;
}
