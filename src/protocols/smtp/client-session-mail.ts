/**
 * One mail as a client session sends it, and its MAIL and RCPT lines.
 *
 * Promises: a path that could break out of its command line, or that the server
 * cannot take, is refused here and never sent.
 *
 * Source: RFC 5321 §4.1.2; RFC 1870 §6 (SIZE); RFC 6152 (8BITMIME); RFC 6531 §3.4;
 * RFC 3461 §5.2.1 (what a server that offers DSN is told); RFC 8689 (REQUIRETLS).
 */
import type { Extensions } from "./client-session-extensions.ts";
import type { Greeted } from "./client-session-state.ts";
import type { UnsendableReason, Verdict } from "./client-session-verdict.ts";
import { lateness, type MailUrgency, urgencyParameters } from "./client-session-urgency.ts";
import { RETURN_WORDS } from "./mail-options.ts";
import type { RcptOptions } from "./rcpt-options.ts";

export interface ClientMail {
  /** "" is the null reverse-path. */
  readonly reversePath: string;
  /** At least one. */
  readonly forwardPaths: readonly string[];
  /** Size of the text with CRLF line ends, without dot-stuffing. */
  readonly textBytes: number;
  /** The text was declared as 8BITMIME. */
  readonly is8bit: boolean;
  /** What the server must offer; left out: nothing more. */
  readonly needs?: MailNeeds;
  /** What the sender wants to be told; left out: nothing was said. */
  readonly notices?: MailNotices;
  /** "never": this server has shown that it does not take BDAT; left out: where it is of use. */
  readonly chunks?: "never";
  /** Left out: nobody said that it is urgent, or that it is not. */
  readonly urgency?: MailUrgency;
  /** A recipient that is refused keeps it from all of them; left out: the others get it. */
  readonly isIndivisible?: true;
}

/** What is handed on to a server that offers DSN, and dropped where it is not offered. */
export interface MailNotices {
  readonly returns: "full" | "headers" | undefined;
  /** ENVID in xtext, or "". */
  readonly envelopeId: string;
  /** For each forward-path, in their order; all in ASCII. */
  readonly recipients: readonly RcptOptions[];
}

/** What was asked for with a mail, and may not be dropped on its way. */
export interface MailNeeds {
  /** Its headers have UTF-8 (RFC 6531 §3.4). */
  readonly utf8: boolean;
  /** Its lines have octets beyond ASCII, or may have (RFC 6152 §3). */
  readonly eightBit: boolean;
  /** BODY=BINARYMIME (RFC 3030 §3), which BDAT alone can carry. */
  readonly binary: boolean;
  /** REQUIRETLS (RFC 8689 §4.2). */
  readonly requireTls: boolean;
}

/** Control characters and angle brackets outside a quoted string have no place in a path. */
const ONLY_PATH_CHARACTERS = /^(?:"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"|[^<>"\s\p{Cc}])*$/u;
const NON_ASCII = /[^ -~]/;

type Terms = Pick<Greeted, "dialect" | "extensions" | "tls">;

/** Why none of this may be sent in such a session; undefined if it may. `nowMs`: since 1970. */
export function localRefusal(mail: ClientMail, terms: Terms, nowMs: number): Verdict | undefined {
  const paths = [mail.reversePath, ...mail.forwardPaths];
  if (mail.forwardPaths.includes("") || !paths.every((path) => ONLY_PATH_CHARACTERS.test(path))) {
    return { kind: "unsendable", why: "bad-address" };
  }
  const { smtpUtf8, maxMessageBytes: limit } = terms.extensions;
  if (!smtpUtf8 && needsUtf8(mail)) return { kind: "unsendable", why: "needs-utf8" };
  const why =
    (mail.needs && unmetNeed(mail.needs, terms)) ??
    (mail.urgency && lateness(mail.urgency, terms, nowMs));
  if (why !== undefined) return { kind: "unsendable", why };
  if (limit !== undefined && mail.textBytes > limit)
    return { kind: "unsendable", why: "too-large" };
  return undefined;
}

function unmetNeed(
  { eightBit, binary, requireTls }: MailNeeds,
  { extensions, tls }: Terms,
): UnsendableReason | undefined {
  if (eightBit && !extensions.eightBitMime) return "needs-8bit";
  if (binary && !(extensions.chunking && extensions.binaryMime)) return "needs-binary";
  // RFC 8689 §4.2.1: it goes on under proven TLS, to who promises the same.
  if (requireTls && !(tls === "proven" && extensions.requireTls)) return "needs-tls";
  return undefined;
}

/** The MAIL line with its CRLF and the parameters that the server wants. `nowMs`: since 1970. */
export function mailCommand(mail: ClientMail, extensions: Extensions, nowMs: number): string {
  let line = `MAIL FROM:<${mail.reversePath}>`;
  if (extensions.size) line += ` SIZE=${mail.textBytes}`;
  if (mail.needs?.binary === true) line += " BODY=BINARYMIME";
  else if (mail.is8bit && extensions.eightBitMime) line += " BODY=8BITMIME";
  if (needsUtf8(mail)) line += " SMTPUTF8";
  if (mail.needs?.requireTls === true) line += " REQUIRETLS";
  const { returns, envelopeId } = (extensions.dsn ? mail.notices : undefined) ?? NOTHING_SAID;
  if (returns !== undefined) line += ` RET=${RETURN_WORDS[returns]}`;
  if (envelopeId !== "") line += ` ENVID=${envelopeId}`;
  if (mail.urgency !== undefined) line += urgencyParameters(mail.urgency, extensions, nowMs);
  return `${line}\r\n`;
}

const NOTHING_SAID: MailNotices = Object.freeze({
  returns: undefined,
  envelopeId: "",
  recipients: [],
});

/** The RCPT line of the forward-path at `index`, with its CRLF. */
export function rcptCommand(mail: ClientMail, index: number, extensions: Extensions): string {
  let line = `RCPT TO:<${mail.forwardPaths[index] ?? ""}>`;
  const notice = extensions.dsn ? mail.notices?.recipients[index] : undefined;
  if (notice?.notify !== undefined) line += ` NOTIFY=${notice.notify.join(",").toUpperCase()}`;
  if (notice !== undefined && notice.originalRecipient !== "") {
    line += ` ORCPT=${notice.originalRecipient}`;
  }
  return `${line}\r\n`;
}

function needsUtf8(mail: ClientMail): boolean {
  if (mail.needs?.utf8 === true) return true;
  return NON_ASCII.test(mail.reversePath) || mail.forwardPaths.some((path) => NON_ASCII.test(path));
}
