/**
 * Commands of a client, from the text of a line to a value.
 *
 * A line that is wrong in itself becomes the reply that refuses it; whether a
 * command may come now is for server-session.ts to say. Verbs match without
 * regard to case, in ASCII only. Addresses come out complete and canonical.
 * Commands of extensions that are not offered are known by name, so that each gets
 * its own refusal.
 *
 * Source: RFC 5321 §4.1; RFC 2033 (LHLO); RFC 1870 (SIZE=); RFC 6152 (BODY=);
 * RFC 4954 §4 (AUTH); RFC 3030 §2 (BDAT).
 */
import { isUtf8 } from "node:buffer";
import { parsePath } from "#protocols/mail/address.ts";
import { isAddressLiteral, isHostName } from "#protocols/mail/domain.ts";
import type { Extensions } from "./extensions.ts";
import { type MailOptions, parseMailOptions } from "./mail-options.ts";
import { parseParameters } from "./parameters.ts";
import { parseRcptOptions, type RcptOptions } from "./rcpt-options.ts";
import type { Reply } from "./reply.ts";
import {
  BAD_CHARACTER,
  BAD_CHUNK,
  BAD_DOMAIN,
  BAD_FORWARD_PATH,
  BAD_REVERSE_PATH,
  NO_ARGUMENTS,
  NO_TLS_PARAMETERS,
  NON_ASCII_ADDRESS,
  NOT_IMPLEMENTED,
  UNRECOGNIZED,
} from "./status.ts";
import { parseXclient, parseXforward, type Xclient, type Xforward } from "./xclient.ts";

export type HelloVerb = "HELO" | "EHLO" | "LHLO";

export interface Hello {
  readonly verb: HelloVerb;
  /** A host name or an address literal, as the client wrote it. */
  readonly domain: string;
}

export interface Mail {
  readonly verb: "MAIL";
  /** `user@domain`; "" is the null reverse-path. */
  readonly reversePath: string;
  readonly options: MailOptions;
}

export interface Rcpt {
  readonly verb: "RCPT";
  readonly forwardPath: string;
  /** False: it wants a transaction with SMTPUTF8. */
  readonly isAscii: boolean;
  readonly options: RcptOptions;
}

export interface Auth {
  readonly verb: "AUTH";
  /** In upper case; "" where none is named. */
  readonly mechanism: string;
  /** The initial response as written, which should be base64 or "="; undefined: there is none. */
  readonly initial: string | undefined;
}

export interface Bdat {
  readonly verb: "BDAT";
  /** So many follow the line at once. */
  readonly octets: number;
  readonly isLast: boolean;
}

/** A command that stands alone, or whose argument means nothing to us. */
export interface Plain {
  readonly verb: "DATA" | "RSET" | "QUIT" | "NOOP" | "HELP" | "VRFY" | "STARTTLS";
}

/** A command that others know, with the reply that refuses it. */
export interface Unsupported {
  readonly verb: "unsupported";
  readonly reply: Reply;
  /** "session": what follows the line is no SMTP, so none of it may be read as commands. */
  readonly ends: "line" | "session";
}

export type Command = Hello | Mail | Rcpt | Auth | Bdat | Xclient | Xforward | Plain | Unsupported;

/** What a line is read by. A `ServiceRules` is one. */
export interface CommandRules {
  /** Completes addresses. */
  readonly serverName: string;
  /** Parameters of others are refused. */
  readonly extensions: Extensions;
}

/** The command in `line`, one character for each octet, or the reply that refuses it. */
export function parseCommand(line: string, rules: CommandRules): Command | Reply {
  const text = line.trimEnd();
  const isAscii = isPrintable(text);
  const space = text.indexOf(" ");
  const verb = asciiUpper(space < 0 ? text : text.slice(0, space));
  const argument = space < 0 ? "" : text.slice(space + 1).trimStart();
  // An address may be what is not ASCII, and has a reply of its own.
  if (verb === "MAIL") return parseMail(isAscii ? argument : fromUtf8(argument), rules);
  if (verb === "RCPT") return parseRcpt(isAscii ? argument : fromUtf8(argument), rules);
  return isAscii ? parseOther(verb, argument) : BAD_CHARACTER;
}

function parseOther(verb: string, argument: string): Command | Reply {
  return PARSERS.get(verb)?.(argument) ?? UNSUPPORTED.get(verb) ?? UNRECOGNIZED;
}

type ParseArgument = (argument: string) => Command | Reply;

function alone(verb: Plain["verb"], refusal: Reply): ParseArgument {
  const command: Plain = { verb };
  return (argument) => (argument === "" ? command : refusal);
}

function withAnything(verb: Plain["verb"]): ParseArgument {
  const command: Plain = { verb };
  return () => command;
}

const PARSERS: ReadonlyMap<string, ParseArgument> = new Map<string, ParseArgument>([
  ["HELO", (argument) => parseHello("HELO", argument)],
  ["EHLO", (argument) => parseHello("EHLO", argument)],
  ["LHLO", (argument) => parseHello("LHLO", argument)],
  ["AUTH", parseAuth],
  ["BDAT", parseBdat],
  ["XCLIENT", parseXclient],
  ["XFORWARD", parseXforward],
  ["DATA", alone("DATA", NO_ARGUMENTS)],
  ["RSET", alone("RSET", NO_ARGUMENTS)],
  ["QUIT", alone("QUIT", NO_ARGUMENTS)],
  ["STARTTLS", alone("STARTTLS", NO_TLS_PARAMETERS)],
  ["NOOP", withAnything("NOOP")],
  ["HELP", withAnything("HELP")],
  ["VRFY", withAnything("VRFY")],
]);

function unsupported(reply: Reply, ends: "line" | "session"): Unsupported {
  return { verb: "unsupported", reply, ends };
}

const UNSUPPORTED: ReadonlyMap<string, Unsupported> = new Map([
  ["EXPN", unsupported(NOT_IMPLEMENTED, "line")],
  ["TURN", unsupported(NOT_IMPLEMENTED, "line")],
  ["ETRN", unsupported(NOT_IMPLEMENTED, "line")],
  // What a browser says that was tricked into talking to us; its body may hold commands.
  ["GET", unsupported(UNRECOGNIZED, "session")],
  ["HEAD", unsupported(UNRECOGNIZED, "session")],
  ["POST", unsupported(UNRECOGNIZED, "session")],
  ["PUT", unsupported(UNRECOGNIZED, "session")],
  ["OPTIONS", unsupported(UNRECOGNIZED, "session")],
  ["CONNECT", unsupported(UNRECOGNIZED, "session")],
]);

function parseHello(verb: HelloVerb, domain: string): Hello | Reply {
  if (domain === "") {
    return {
      code: 501,
      enhanced: "5.5.1",
      text: `Invalid command: ${verb} requires domain name`,
    };
  }
  return isHostName(domain) || isAddressLiteral(domain) ? { verb, domain } : BAD_DOMAIN;
}

/** RFC 4954 §4: what stands behind the mechanism is all the response. */
function parseAuth(argument: string): Auth {
  const space = argument.indexOf(" ");
  if (space < 0) return { verb: "AUTH", mechanism: asciiUpper(argument), initial: undefined };
  return {
    verb: "AUTH",
    mechanism: asciiUpper(argument.slice(0, space)),
    initial: argument.slice(space + 1).trimStart(),
  };
}

/** RFC 3030 §2. Behind a size that is none nobody knows where the next command begins. */
function parseBdat(argument: string): Bdat | Unsupported {
  const [, size, last] = /^([0-9]{1,15})( +LAST)?$/i.exec(argument) ?? [];
  if (size === undefined) return unsupported(BAD_CHUNK, "session");
  return { verb: "BDAT", octets: Number(size), isLast: last !== undefined };
}

function parseMail(argument: string, rules: CommandRules): Mail | Reply {
  const from = afterPrefix(argument, "FROM:");
  if (from === undefined) return BAD_REVERSE_PATH;
  const path = parsePath(argument, from, rules.serverName);
  if (path.kind === "address-fault") return BAD_REVERSE_PATH;
  const parameters = parseParameters(argument.slice(path.end));
  if (parameters === undefined) return BAD_REVERSE_PATH;
  const options = parseMailOptions(parameters, rules.extensions);
  if ("code" in options) return options;
  if (!path.isAscii && !options.utf8) return NON_ASCII_ADDRESS;
  return { verb: "MAIL", reversePath: path.address, options };
}

function parseRcpt(argument: string, rules: CommandRules): Rcpt | Reply {
  const from = afterPrefix(argument, "TO:");
  if (from === undefined) return BAD_FORWARD_PATH;
  const path = parsePath(argument, from, rules.serverName);
  if (path.kind === "address-fault" || path.address === "") return BAD_FORWARD_PATH;
  if (!path.isAscii && !rules.extensions.smtpUtf8) return NON_ASCII_ADDRESS;
  const parameters = parseParameters(argument.slice(path.end));
  if (parameters === undefined) return BAD_FORWARD_PATH;
  const options = parseRcptOptions(parameters, rules.extensions);
  if ("code" in options) return options;
  return { verb: "RCPT", forwardPath: path.address, isAscii: path.isAscii, options };
}

/** RFC 6531 §3.3. What is no UTF-8 stays as it is, and no address has such characters. */
function fromUtf8(octets: string): string {
  const bytes = Buffer.from(octets, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : octets.replace(/[^ -~]/g, "\0");
}

/** Offset of the path behind `prefix`; spaces before it are taken, as OpenSMTPD does. */
function afterPrefix(argument: string, prefix: "FROM:" | "TO:"): number | undefined {
  if (asciiUpper(argument.slice(0, prefix.length)) !== prefix) return undefined;
  let at = prefix.length;
  while (argument[at] === " ") at++;
  return at;
}

/** Upper case of ASCII letters only: no other character may become part of a verb. */
function asciiUpper(text: string): string {
  return isPrintable(text) ? text.toUpperCase() : text;
}

function isPrintable(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if ((unit < 0x20 && unit !== 0x09) || unit > 0x7e) return false;
  }
  return true;
}
