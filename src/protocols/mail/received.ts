/**
 * The Received header that a server puts before a message it takes.
 *
 * Whatever a client chose (its HELO name, its reverse name, the recipient) is cut
 * to printable ASCII and bounded here, whatever was checked before: nothing that
 * a peer says can end the header and begin another. A hidden source leaves out
 * the whole "from" part and its fold, which OpenSMTPD leaves empty. The recipient of a
 * message with SMTPUTF8 keeps its letters: then the header is UTF-8.
 *
 * Source: RFC 5321 §4.4 (trace information); RFC 3848, RFC 6531 §4.3 (protocol words);
 * OpenSMTPD's smtp_session.c for what it tells of TLS and of the user.
 */
import { formatDate } from "./date.ts";

/** Lines stay below RFC 5322's 998 octets even with three such parts in one. */
const MAX_PART_LENGTH = 255;

export interface TraceSource {
  readonly helo: string;
  /** Reverse name, or `<unknown>`. */
  readonly hostname: string;
  /** Address in text form, or "local". */
  readonly address: string;
}

/** How the message came, as the words of RFC 3848 and RFC 6531 tell it. */
export interface TraceProtocol {
  readonly base: "SMTP" | "LMTP";
  /** By EHLO; LMTP has nothing else. */
  readonly isExtended: boolean;
  readonly isUtf8: boolean;
  readonly isAuthenticated: boolean;
}

export interface TraceTls {
  readonly version: string;
  readonly cipher: string;
  readonly bits: number;
  /** An authority vouched for the client's certificate. */
  readonly verified: boolean;
}

/** The user of this machine that handed it in. */
export interface TraceUser {
  readonly uid: number;
  /** Undefined: the system has no name for it. */
  readonly name: string | undefined;
}

export interface Trace {
  /** undefined hides it (`mask-src`). */
  readonly source: TraceSource | undefined;
  readonly serverName: string;
  /** Undefined: nobody knows, or it is hidden. */
  readonly user: TraceUser | undefined;
  readonly protocol: TraceProtocol;
  /** Undefined: the message came in the clear. */
  readonly tls: TraceTls | undefined;
  /** What `received-auth` discloses; undefined: nothing. "" is nobody. */
  readonly username: string | undefined;
  readonly msgid: string;
  /** The recipient if there is just one; with more, naming them would tell each of the others. */
  readonly forwardPath: string | undefined;
  readonly atWallMs: number;
}

/** The header with its final CRLF. */
export function formatReceived(trace: Trace): string {
  const { source } = trace;
  const from =
    source === undefined
      ? ""
      : `from ${part(source.helo)} (${part(source.hostname)} ${bracketed(part(source.address))})\r\n\t`;
  const by = `by ${part(trace.serverName)} (Postrider${localUser(trace.user)}) with ${word(trace)} id ${trace.msgid}`;
  const how = `${tlsComment(trace.tls)}${user(trace.username)}`;
  const { isUtf8 } = trace.protocol;
  const recipient =
    trace.forwardPath === undefined ? "" : `\r\n\tfor <${path(trace.forwardPath, isUtf8)}>`;
  return `Received: ${from}${by}${how}${recipient};\r\n\t${formatDate(trace.atWallMs)} (UTC)\r\n`;
}

/** `ESMTPSA`, `LMTP`, `UTF8SMTPS`: RFC 6531 has no E behind UTF8. */
function word({ protocol, tls }: Trace): string {
  const { base, isExtended, isUtf8, isAuthenticated } = protocol;
  const prefix = isUtf8 ? "UTF8" : base === "SMTP" && isExtended ? "E" : "";
  // RFC 3848 has letters for what only extensions bring.
  const secured = tls === undefined ? "" : "S";
  return `${prefix}${base}${secured}${isAuthenticated ? "A" : ""}`;
}

function tlsComment(tls: TraceTls | undefined): string {
  if (tls === undefined) return "";
  const verified = tls.verified ? "YES" : "NO";
  return ` (${part(tls.version)}:${part(tls.cipher)}:${tls.bits}:${verified})`;
}

function user(username: string | undefined): string {
  if (username === undefined) return "";
  return username === "" ? " auth=no" : ` auth=yes user=${part(username)}`;
}

/** In the place and nearly the words of Postfix, with sendmail's name for a user. */
function localUser(from: TraceUser | undefined): string {
  if (from === undefined) return "";
  // It stands in a comment, whose end is not for it to say.
  const name =
    from.name === undefined ? "" : `${part(from.name).replace(/[()\\]/g, "?")}@localhost, `;
  return `, from ${name}userid ${from.uid}`;
}

/** RFC 5321 §4.1.3: an IPv6 literal carries its tag. */
function bracketed(address: string): string {
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
}

function part(text: string): string {
  return text.slice(0, MAX_PART_LENGTH).replace(/[^!-~]/g, "?");
}

/** A path may have spaces, in a quoted local part, and two parts of full length. */
function path(text: string, isUtf8: boolean): string {
  const bounded = text.slice(0, 2 * MAX_PART_LENGTH + 1);
  return bounded.replace(isUtf8 ? /[\p{Cc}\p{Zl}\p{Zp}]/gu : /[^ -~]/g, "?");
}
