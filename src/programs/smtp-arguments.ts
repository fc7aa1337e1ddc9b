/**
 * The command line of smtp(1), with OpenSMTPD's flags.
 *
 * Options may be run together (`-nv`) and carry their value at once (`-sHOST`) or as
 * the next word; `--` ends them. Source: smtp(1); getopt(3).
 */
import { operandsBehind } from "./getopt.ts";

export const SMTP_USAGE =
  "usage: smtp [-Chnv] [-a authfile] [-F from] [-H helo] [-S name] [-s server] [-T params] [recipient ...]";

/** What `-T`, `-S` and `-C` ask of TLS. */
export interface TlsParameters {
  readonly caFile: string | undefined;
  readonly ciphers: string | undefined;
  readonly protocols: string | undefined;
  readonly serverName: string | undefined;
  readonly sni: boolean;
  readonly verify: boolean;
}

export interface SmtpArguments {
  readonly kind: "arguments";
  readonly server: string;
  /** The login name if undefined. */
  readonly from: string | undefined;
  /** The host name if undefined. */
  readonly helo: string | undefined;
  readonly authFile: string | undefined;
  readonly tls: TlsParameters;
  /** Connect, greet and quit; read no message. */
  readonly isDryRun: boolean;
  readonly isVerbose: boolean;
  readonly recipients: readonly string[];
}

export type ParsedArguments =
  | SmtpArguments
  | { readonly kind: "help" }
  /** `message` is "" where the usage says it all. */
  | { readonly kind: "wrong"; readonly message: string };

type Draft = { -readonly [Name in keyof SmtpArguments]: SmtpArguments[Name] };

const NO_TLS_PARAMETERS: TlsParameters = {
  caFile: undefined,
  ciphers: undefined,
  protocols: undefined,
  serverName: undefined,
  sni: true,
  verify: true,
};

const FLAGS = "Chnv";
const OPTIONS = "FHSTas";

export function parseSmtpArguments(words: readonly string[]): ParsedArguments {
  const draft: Draft = {
    kind: "arguments",
    server: "localhost",
    from: undefined,
    helo: undefined,
    authFile: undefined,
    tls: NO_TLS_PARAMETERS,
    isDryRun: false,
    isVerbose: false,
    recipients: [],
  };
  const operands = operandsBehind(words, (word, next) => takeWord(draft, word, next));
  return "kind" in operands ? operands : { ...draft, recipients: operands };
}

/** Takes the letters of one word; returns how many further words were used, or what is wrong. */
function takeWord(
  draft: Draft,
  word: string,
  next: string | undefined,
): number | Exclude<ParsedArguments, SmtpArguments> {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    if (letter === "h") return { kind: "help" };
    if (FLAGS.includes(letter)) {
      takeFlag(draft, letter);
      continue;
    }
    if (!OPTIONS.includes(letter)) return { kind: "wrong", message: `unknown option -- ${letter}` };
    const attached = word.slice(at + 1);
    const value = attached === "" ? next : attached;
    if (value === undefined) {
      return { kind: "wrong", message: `option requires an argument -- ${letter}` };
    }
    const complaint = takeOption(draft, letter, value);
    if (complaint !== undefined) return { kind: "wrong", message: complaint };
    return attached === "" ? 1 : 0;
  }
  return 0;
}

function takeFlag(draft: Draft, letter: string): void {
  if (letter === "C") draft.tls = { ...draft.tls, verify: false };
  else if (letter === "n") draft.isDryRun = true;
  else draft.isVerbose = true;
}

function takeOption(draft: Draft, letter: string, value: string): string | undefined {
  if (letter === "F") draft.from = value;
  else if (letter === "H") draft.helo = value;
  else if (letter === "S") draft.tls = { ...draft.tls, serverName: value };
  else if (letter === "a") draft.authFile = value;
  else if (letter === "s") draft.server = value;
  else return takeTlsParameters(draft, value);
  return undefined;
}

/** `-T name[=value],…` */
function takeTlsParameters(draft: Draft, list: string): string | undefined {
  for (const parameter of list.split(",")) {
    const equals = parameter.indexOf("=");
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const value = equals < 0 ? undefined : parameter.slice(equals + 1);
    const change = tlsChange(name, value);
    if (change === undefined) return `invalid TLS parameter: ${parameter}`;
    draft.tls = { ...draft.tls, ...change };
  }
  return undefined;
}

function tlsChange(name: string, value: string | undefined): Partial<TlsParameters> | undefined {
  if (value === undefined) {
    if (name === "nosni") return { sni: false };
    return name === "noverify" ? { verify: false } : undefined;
  }
  if (value === "") return undefined;
  switch (name) {
    case "cafile":
      return { caFile: value };
    case "ciphers":
      return { ciphers: value };
    case "protocols":
      return { protocols: value };
    case "servername":
      return { serverName: value };
    default:
      return undefined;
  }
}
