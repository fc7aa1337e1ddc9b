/**
 * Mail addresses as SMTP paths carry them: `<user@domain>`.
 *
 * An address is kept in one canonical text: a quoted local part loses quotes
 * that it does not need and escapes that mean nothing, so that equal addresses
 * are equal strings; case and everything else stay as sent. A domain in another
 * script becomes the one that DNS has (A-labels, `xn--`), so that there is one text for it
 * everywhere; a local part in another script stays as sent, in UTF-8. No control
 * character, no space of any script and nothing that turns the direction of text is ever
 * part of one.
 *
 * Joiners, variation selectors and whatever else is not seen are part of a local part as
 * sent: names in Persian or Malayalam need some of them, and what a local part means is for
 * the host that has the mailbox (RFC 5321 §2.3.11), as is what PRECIS would let it be called
 * (RFC 8265 §3). An address with one is never the same as one without; nothing is normalized
 * (RFC 6532 §3.1 asks that of who writes it first). Logs and terminals show them as escapes.
 *
 * Source routes are cut (RFC 5321 appendix C). OpenSMTPD refuses quoted local
 * parts; RFC 5321 §4.1.2 has them, so they are taken. `<a@>` and `<@>`, which it
 * completes, are refused: no sender means anything by them.
 *
 * Source: RFC 5321 §4.1.2 (syntax), §4.5.3.1 (lengths; 255 for a local part, as OpenSMTPD);
 * RFC 6531 §3.3 (beyond ASCII).
 */
import { asciiDomain, isAddressLiteral, isHostName } from "./domain.ts";

/** RFC 5321 §4.5.3.1.1 asks for 64 at least; VERP senders use more. */
const MAX_LOCAL_PART_LENGTH = 255;
/** RFC 5321 §4.5.3.1.3 gives a whole path 256; this bounds one with a source route. */
const MAX_PATH_LENGTH = 1024;

/** An address in its two parts. `localPart` has its quotes, if it needs them. */
export interface Address {
  readonly localPart: string;
  readonly domain: string;
}

export interface AddressFault {
  readonly kind: "address-fault";
}

/** A path: the address in canonical text ("" for the null path), and where it ended. */
export interface Path {
  readonly kind: "path";
  readonly address: string;
  /** False: it wants SMTPUTF8, as the client wrote it. */
  readonly isAscii: boolean;
  /** Offset after the closing ">". */
  readonly end: number;
}

/** RFC 5321 §4.1.2, with RFC 6531 §3.3's UTF8-non-ascii. */
const DOT_ATOM =
  /^[\w!#$%&'*+\-/=?^`{|}~\u00a1-\uffff]+(\.[\w!#$%&'*+\-/=?^`{|}~\u00a1-\uffff]+)*$/;
/**
 * Controls and spaces beyond ASCII, marks that turn the direction of text; and the signs of
 * kelvin, ångström, ohm and theta, whose lower case is that of K, Å, Ω and Θ: they would be
 * another's name.
 */
const FORBIDDEN =
  /[\u0080-\u00a0\u03f4\u061c\u1680\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u2066-\u2069\u2126\u212a\u212b\u3000\ufeff\ufff9-\uffff]/;

const SYNTAX_FAULT: AddressFault = Object.freeze({ kind: "address-fault" });

/**
 * Reads the path that begins at `from` in `text`.
 *
 * @param defaultDomain completes an address that has only a local part.
 */
export function parsePath(text: string, from: number, defaultDomain: string): Path | AddressFault {
  if (text[from] !== "<") return SYNTAX_FAULT;
  const close = closingBracket(text, from + 1);
  if (close < 0 || close - from > MAX_PATH_LENGTH) return SYNTAX_FAULT;
  const inner = cutSourceRoute(text.slice(from + 1, close));
  if (inner === undefined) return SYNTAX_FAULT;
  if (inner === "") return { kind: "path", address: "", isAscii: true, end: close + 1 };
  const address = parseAddress(inner, defaultDomain);
  if ("kind" in address) return address;
  const formatted = formatAddress(address);
  return { kind: "path", address: formatted, isAscii: isAscii(inner), end: close + 1 };
}

/** Reads `user@domain`, or `user` alone, which `defaultDomain` completes. */
export function parseAddress(text: string, defaultDomain: string): Address | AddressFault {
  const at = text.startsWith('"') ? endOfQuoted(text) : text.indexOf("@");
  if (at === undefined) return SYNTAX_FAULT;
  const local = at < 0 ? text : text.slice(0, at);
  const domain = at < 0 || at === text.length ? defaultDomain : asciiDomain(text.slice(at + 1));
  const localPart = canonicalLocalPart(local);
  const isValid =
    localPart !== undefined &&
    (at < 0 || at === text.length || text[at] === "@") &&
    (isHostName(domain) || isAddressLiteral(domain));
  return isValid ? { localPart, domain } : SYNTAX_FAULT;
}

export function formatAddress(address: Address): string {
  return `${address.localPart}@${address.domain}`;
}

/** The parts of an address in canonical text. A domain has no "@", so the last one is the divider. */
export function splitAddress(address: string): Address {
  const at = address.lastIndexOf("@");
  if (at < 0) return { localPart: address, domain: "" };
  return { localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

/** The domain of an address as it is compared: in lower case. */
export function domainOf(address: string): string {
  return splitAddress(address).domain.toLowerCase();
}

/** Index of the ">" that ends the path; ">" inside a quoted local part does not. -1 if there is none. */
function closingBracket(text: string, from: number): number {
  let isQuoted = false;
  for (let at = from; at < text.length; at++) {
    const unit = text[at];
    if (unit === ">" && !isQuoted) return at;
    if (unit === '"') isQuoted = !isQuoted;
    else if (unit === "\\" && isQuoted) at++;
  }
  return -1;
}

/** RFC 5321 §4.1.1.3: a source route SHOULD be ignored. undefined if it is not even one. */
function cutSourceRoute(inner: string): string | undefined {
  if (!inner.startsWith("@")) return inner;
  const colon = inner.indexOf(":");
  if (colon < 0) return undefined;
  for (const hop of inner.slice(0, colon).split(",")) {
    if (!hop.startsWith("@") || !isHostName(hop.slice(1))) return undefined;
  }
  const rest = inner.slice(colon + 1);
  return rest === "" || rest.startsWith("@") ? undefined : rest;
}

/** Offset after a quoted string at the start of `text`; undefined if it does not end. */
function endOfQuoted(text: string): number | undefined {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

/** `local` in canonical form; undefined if RFC 5321 has no such local part. */
function canonicalLocalPart(local: string): string | undefined {
  if (local.length === 0 || local.length > MAX_LOCAL_PART_LENGTH) return undefined;
  if (FORBIDDEN.test(local)) return undefined;
  if (!local.startsWith('"')) return isDotAtom(local) ? local : undefined;
  let content = "";
  for (let at = 1; at < local.length - 1; at++) {
    if (local[at] === "\\") at++;
    const unit = local.charCodeAt(at);
    // RFC 5321 §4.1.2: qtextSMTP and quoted-pairSMTP are printable ASCII and space.
    if (unit < 0x20 || unit === 0x7f) return undefined;
    content += local[at];
  }
  if (isDotAtom(content)) return content;
  return `"${content.replace(/["\\]/g, "\\$&")}"`;
}

/** Whether `text` is a Dot-string: atoms with single dots between them. */
function isDotAtom(text: string): boolean {
  return DOT_ATOM.test(text);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
