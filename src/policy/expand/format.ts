/**
 * Expands a parsed format with the values of one envelope.
 *
 * In a path (a Maildir's, a socket's) what a peer chose can fill in a part of a
 * segment, and nothing else: no slash, control character, leading dot or shell
 * character of a value survives, and a segment that would come out empty, `.` or `..`
 * is a fault. The home folder alone is taken as it is. OpenSMTPD lets `/` and dots
 * through and leaves that to its agents.
 *
 * `raw` gives back the shell's characters, which mean nothing in a path, and never the
 * slash or the leading dot. In a command it does nothing: whatever quotes stand around
 * the specifier, no value may end them. A value there loses every character that a
 * shell could take for its own, the slash, and a leading dot or `-`, which would make
 * it an option. OpenSMTPD leaves several of those, and with `raw` all.
 *
 * Source: smtpd.conf(5), FORMAT SPECIFIERS; OpenSMTPD mda_variables.c (characters and limits).
 */
import { unreachable } from "#base/unreachable.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import type {
  Format,
  FormatModifier,
  FormatPart,
  FormatRange,
  FormatToken,
} from "#model/config/format.ts";

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
  /** What `strip` cuts at. */
  readonly subAddressDelimiter: string;
  /** The command that a wrapper wraps. */
  readonly mda?: string;
}

export interface ExpandFault {
  readonly kind: "expand-fault";
  readonly reason: string;
}

/** OpenSMTPD's (mda_variables.c). Bytes of UTF-8. */
const MAX_EXPANDED_TOKEN_BYTES = 128;
const MAX_EXPANDED_BYTES = 1024;

/** The characters of smtpd.conf(5), and those that would end or leave a path segment. */
const NOT_IN_PATH = /[\p{Cc}!#$%&'*?`{|}~/]|^\./gu;
const NOT_IN_RAW_PATH = /[\p{Cc}/]|^\./gu;
/** Whatever means something to a shell, quoted in any way or not at all. */
const NOT_IN_COMMAND = /[^\p{L}\p{N}@%+=:,._-]|^[-.]/gu;

type Piece = { readonly text: string; readonly isPeersChoice: boolean } | ExpandFault;

/** What the administrator or the system wrote. */
type TrustedToken = "user.directory" | "mda";

/** A path, whose segments are those of the format. */
export function expandFormat(format: Format, values: FormatValues): string | ExpandFault {
  let expanded = "";
  let segment = "";
  let hasValue = false;
  for (const part of format.parts) {
    const piece = expandPart(part, values, ({ modifiers }) =>
      modifiers.includes("raw") ? NOT_IN_RAW_PATH : NOT_IN_PATH,
    );
    if ("kind" in piece) return piece;
    const { text } = piece;
    expanded += text;
    if (piece.isPeersChoice) {
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
  return bounded(expanded);
}

/** A command line for a shell, in which no value is more than plain text. */
export function expandCommand(format: Format, values: FormatValues): string | ExpandFault {
  let expanded = "";
  for (const part of format.parts) {
    const piece = expandPart(part, values, () => NOT_IN_COMMAND);
    if ("kind" in piece) return piece;
    expanded += piece.text;
  }
  return bounded(expanded);
}

/** Text of a peer that no shell takes for more than that, quoted in any way or not at all. */
export function plainForShell(text: string): string {
  return text.replaceAll(NOT_IN_COMMAND, ":");
}

type Token = Extract<FormatPart, { readonly kind: "token" }>;

function expandPart(
  part: FormatPart,
  values: FormatValues,
  refused: (part: Token) => RegExp,
): Piece {
  if (part.kind === "literal") return { text: part.text, isPeersChoice: false };
  if (part.kind === "home") return { text: values.directory, isPeersChoice: false };
  const { token, modifiers, range } = part;
  const isTrusted = token === "user.directory" || token === "mda";
  let text = isTrusted ? trustedValue(token, values) : tokenValue(token, values);
  for (const modifier of modifiers) text = modify(text, modifier, values.subAddressDelimiter);
  if (range !== undefined) {
    const cut = cutRange(text, range);
    if (cut === undefined) return fault(`%{${token}} is too short for its range`);
    text = cut;
  }
  if (isTrusted) return { text, isPeersChoice: false };
  // After the cut, which may bring a dot to the front.
  text = text.replaceAll(refused(part), ":");
  if (Buffer.byteLength(text) > MAX_EXPANDED_TOKEN_BYTES) return fault(`%{${token}} is too long`);
  return { text, isPeersChoice: true };
}

function modify(text: string, modifier: FormatModifier, delimiter: string): string {
  switch (modifier) {
    case "lowercase":
      return text.toLowerCase();
    case "uppercase":
      return text.toUpperCase();
    case "strip": {
      const start = text.indexOf(delimiter);
      if (start < 0) return text;
      // The domain of a whole address stays.
      const end = text.indexOf("@", start);
      return text.slice(0, start) + (end < 0 ? "" : text.slice(end));
    }
    case "raw":
      return text;
    default:
      return unreachable(modifier);
  }
}

/**
 * Undefined if the range begins outside of the text. An empty text stays empty, and an
 * end beyond the text is its end. Counts characters, where OpenSMTPD counts bytes.
 */
function cutRange(text: string, range: FormatRange): string | undefined {
  const characters = Array.from(text);
  const { length } = characters;
  if (length === 0) return "";
  const first = range.first < 0 ? range.first + length : range.first;
  const last = range.last < 0 ? range.last + length : range.last;
  if (first < 0 || first >= length || last < first) return undefined;
  return characters.slice(first, last + 1).join("");
}

function trustedValue(token: TrustedToken, values: FormatValues): string {
  return token === "mda" ? (values.mda ?? "") : values.directory;
}

function tokenValue(token: Exclude<FormatToken, TrustedToken>, values: FormatValues): string {
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

function bounded(expanded: string): string | ExpandFault {
  if (Buffer.byteLength(expanded) > MAX_EXPANDED_BYTES) return fault("the result is too long");
  return expanded;
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
