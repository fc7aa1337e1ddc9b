/**
 * Expands a parsed format (a Maildir's path) with the values of one envelope.
 *
 * What a peer chose can fill in a part of a path segment, and nothing else: no
 * slash, NUL, leading dot or shell character of a value survives, and a segment
 * that would come out empty, `.` or `..` is a fault. The home folder alone is taken
 * as it is. OpenSMTPD lets `/` and dots through and leaves that to its agents.
 *
 * Source: smtpd.conf(5), FORMAT SPECIFIERS; OpenSMTPD mda_variables.c (characters and limits).
 */
import { unreachable } from "#base/unreachable.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import type { Format, FormatPart, FormatToken } from "#model/config/config.ts";

/** What the specifiers stand for. Addresses are `user@domain`. */
export interface FormatValues {
  /** "" for the null reverse-path. */
  readonly sender: string;
  /** The recipient as in RCPT TO. */
  readonly rcpt: string;
  /** The recipient after expansion. */
  readonly dest: string;
  readonly username: string;
  /** The home folder of the account that delivers. */
  readonly directory: string;
}

export interface ExpandFault {
  readonly kind: "expand-fault";
  readonly reason: string;
}

/** OpenSMTPD's (mda_variables.c). Bytes of UTF-8. */
const MAX_EXPANDED_TOKEN_BYTES = 128;
const MAX_EXPANDED_BYTES = 1024;

export function expandFormat(format: Format, values: FormatValues): string | ExpandFault {
  let expanded = "";
  let segment = "";
  let hasValue = false;
  for (const part of format.parts) {
    const text = expandPart(part, values);
    if (typeof text !== "string") return text;
    expanded += text;
    if (isPeersChoice(part)) {
      segment += text;
      hasValue = true;
      continue;
    }
    const pieces = text.split("/");
    segment += pieces[0] ?? "";
    if (pieces.length === 1) continue;
    if (hasValue && isNoName(segment)) return noNameFault(segment);
    segment = pieces.at(-1) ?? "";
    hasValue = false;
  }
  if (hasValue && isNoName(segment)) return noNameFault(segment);
  if (Buffer.byteLength(expanded) > MAX_EXPANDED_BYTES) return fault("the result is too long");
  return expanded;
}

function expandPart(part: FormatPart, values: FormatValues): string | ExpandFault {
  if (part.kind === "literal") return part.text;
  if (part.kind === "home" || part.token === "user.directory") return values.directory;
  const value = sanitise(tokenValue(part.token, values));
  if (Buffer.byteLength(value) <= MAX_EXPANDED_TOKEN_BYTES) return value;
  return fault(`%{${part.token}} is too long`);
}

function isPeersChoice(part: FormatPart): boolean {
  return part.kind === "token" && part.token !== "user.directory";
}

function tokenValue(token: Exclude<FormatToken, "user.directory">, values: FormatValues): string {
  switch (token) {
    case "user.username":
      return values.username;
    case "mbox.from":
      return values.sender === "" ? "MAILER-DAEMON" : values.sender;
    case "sender":
    case "rcpt":
    case "dest":
      return values[token];
    case "sender.user":
      return splitAddress(values.sender).localPart;
    case "sender.domain":
      return splitAddress(values.sender).domain;
    case "rcpt.user":
      return splitAddress(values.rcpt).localPart;
    case "rcpt.domain":
      return splitAddress(values.rcpt).domain;
    case "dest.user":
      return splitAddress(values.dest).localPart;
    case "dest.domain":
      return splitAddress(values.dest).domain;
    default:
      return unreachable(token);
  }
}

/** The characters of smtpd.conf(5), and what would end or leave a path segment. */
function sanitise(value: string): string {
  return value.replaceAll(/[\p{Cc}!#$%&'*?`{|}~/]|^\./gu, ":");
}

function isNoName(segment: string): boolean {
  return segment === "" || segment === "." || segment === "..";
}

function noNameFault(segment: string): ExpandFault {
  return fault(`a part of the path comes out as '${segment}'`);
}

function fault(reason: string): ExpandFault {
  return { kind: "expand-fault", reason };
}
