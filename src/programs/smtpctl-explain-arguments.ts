/** The command line of `smtpctl explain`. Source: smtpctl(8). */
import type { ExplainQuestion } from "#model/explanation.ts";
import type { Form } from "#model/ipc/control-link.ts";
import { type CommandLine, readOptionsAlone, type WrongArguments, wrong } from "./command-line.ts";
import { chooseFile, FILE_OPTIONS, type FileChoice } from "./file-choice.ts";

export const EXPLAIN_USAGE: string =
  "usage: smtpctl explain --from address --rcpt address ... [--src ip] [--rdns name] [--helo name]\n" +
  "               [--auth user] [--user name] [--tls] [--listener name] [--message file]\n" +
  "               [--no-dns] [--json] [-f file] [-D name=value] [--compat opensmtpd] [--state dir]";

const OPTIONS = {
  ...FILE_OPTIONS,
  auth: { type: "string" },
  f: { type: "string", short: "f" },
  from: { type: "string" },
  helo: { type: "string" },
  json: { type: "boolean", default: false },
  listener: { type: "string" },
  message: { type: "string" },
  "no-dns": { type: "boolean", default: false },
  rcpt: { type: "string", multiple: true },
  rdns: { type: "string" },
  src: { type: "string" },
  tls: { type: "boolean", default: false },
  user: { type: "string" },
} as const;

export interface ExplainArguments {
  readonly kind: "arguments";
  readonly question: ExplainQuestion;
  /** Undefined: the running daemon is asked. */
  readonly config: FileChoice | undefined;
  readonly messageFile: string | undefined;
  readonly form: Form;
  readonly stateFolder: string | undefined;
}

/** @param args without the word `explain`. */
export function parseExplainArguments(args: readonly string[]): ExplainArguments | WrongArguments {
  const line = readOptionsAlone(args, OPTIONS);
  return line.kind === "wrong" ? line : read(line.values);
}

function read(values: CommandLine<typeof OPTIONS>["values"]): ExplainArguments | WrongArguments {
  if (values.from === undefined) return wrong("--from is missing; --from '' is the null sender");
  if (values.rcpt === undefined) return wrong("--rcpt is missing");
  const config = values.f === undefined ? undefined : chooseFile(values.f, values);
  if (typeof config === "string") return wrong(config);
  if (config === undefined && (values.D !== undefined || values.compat !== undefined))
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
      localUser: values.user ?? "",
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
