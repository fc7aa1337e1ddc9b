/** The command line of `smtpctl explain`. Source: smtpctl(8). */
import { parseArgs } from "node:util";
import type { ExplainQuestion } from "#model/explanation.ts";
import { chooseFile, type FileChoice } from "./file-choice.ts";
import type { Form } from "./smtpctl-printer.ts";

export const EXPLAIN_USAGE: string =
  "usage: smtpctl explain --from address --rcpt address ... [--src ip] [--rdns name] [--helo name]\n" +
  "               [--auth user] [--tls] [--listener name] [--message file] [--no-dns] [--json]\n" +
  "               [-f file] [-D name=value] [--compat opensmtpd] [--state dir]";

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
  const config = values.f === undefined ? undefined : chooseFile(values.f, values);
  if (typeof config === "string") return wrong(config);
  if (config === undefined && (values.D.length > 0 || values.compat !== undefined))
    return wrong("-D and --compat are for a file: -f is missing");
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

function withoutAngles(address: string): string {
  return address.startsWith("<") && address.endsWith(">") ? address.slice(1, -1) : address;
}

function wrong(why: string): WrongArguments {
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
