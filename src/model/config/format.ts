/**
 * Format specifiers, as in `maildir "~/Mail/%{rcpt.domain}"`: read once, with the
 * configuration, so that every mistake is a complaint and none is found when mail
 * is delivered. OpenSMTPD finds some only then, and ignores an unfinished `%{`.
 *
 * `%{TOKEN}` may have modifiers and a range: `%{rcpt.user:lowercase|strip[0:3]}`, or
 * the range before the colon. Either way it is the modified value that is cut.
 *
 * A range is OpenSMTPD's wherever that works. `[i]` is one character, counted from 0;
 * `[a:b]` includes both ends, and `[a:]` goes to the end of the value. A negative start
 * counts from the end (`[-3:]` is the last three); a negative end is how many
 * characters are left off (`[0:-1]` is all but the last). `[-1]`, which always fails
 * there, is the last character. In `FormatRange` -1 is the last in both places.
 *
 * Source: smtpd.conf(5), FORMAT SPECIFIERS; OpenSMTPD mda_variables.c.
 */

/** A text with `%{…}` specifiers; policy/expand/format.ts expands it. */
export interface Format {
  /** As written. */
  readonly source: string;
  readonly parts: readonly FormatPart[];
}

export type FormatToken =
  | "sender"
  | "sender.user"
  | "sender.domain"
  | "rcpt"
  | "rcpt.user"
  | "rcpt.domain"
  | "dest"
  | "dest.user"
  | "dest.domain"
  | "user.username"
  | "user.directory"
  | "mbox.from"
  /** The wrapped command; in wrappers only. */
  | "mda";

export type FormatModifier = "lowercase" | "uppercase" | "strip" | "raw";

/** Characters `first` to `last` of a value, both included; negative ones count from its end, -1 being the last. */
export interface FormatRange {
  readonly first: number;
  readonly last: number;
}

export type FormatPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "home" }
  | {
      readonly kind: "token";
      readonly token: FormatToken;
      /** In the order written; they come before the range. */
      readonly modifiers: readonly FormatModifier[];
      readonly range: FormatRange | undefined;
    };

export interface FormatFault {
  readonly kind: "format-fault";
  readonly reason: string;
}

/** Tokens of one message; `%{mda}` is for wrappers alone. */
export const FORMAT_TOKENS: readonly FormatToken[] = [
  "sender",
  "sender.user",
  "sender.domain",
  "rcpt",
  "rcpt.user",
  "rcpt.domain",
  "dest",
  "dest.user",
  "dest.domain",
  "user.username",
  "user.directory",
  "mbox.from",
];

export const FORMAT_MODIFIERS: readonly FormatModifier[] = [
  "lowercase",
  "uppercase",
  "strip",
  "raw",
];

/** The longest result there is, so no offset is beyond it. OpenSMTPD: EXPAND_BUFFER. */
const MAX_OFFSET = 1024;

/** `TOKEN`, then modifiers and a range in either order. */
const SPECIFIER =
  /^(?<name>[^[:]*)(?:\[(?<early>[^\]]*)\])?(?::(?<modifiers>[^[]*))?(?:\[(?<late>[^\]]*)\])?$/u;

/**
 * `%%` is a percent sign, and so is a `%` without `{`; a leading `~` or `~/` is the
 * home. `use` says what the result will be.
 */
export function parseFormat(
  source: string,
  use: "path" | "command" | "wrapper" = "path",
): Format | FormatFault {
  const parts: FormatPart[] = [];
  let rest = source;
  if (source === "~" || source.startsWith("~/")) {
    parts.push({ kind: "home" });
    rest = source.slice(1);
  }
  const tokens: readonly FormatToken[] =
    use === "wrapper" ? [...FORMAT_TOKENS, "mda"] : FORMAT_TOKENS;
  let literal = "";
  while (rest !== "") {
    const [piece = ""] = /^(?:%%|%\{[^}]*\}?|[^%]+|%)/u.exec(rest) ?? [];
    rest = rest.slice(piece.length);
    if (!piece.startsWith("%{")) {
      literal += piece === "%%" ? "%" : piece;
      continue;
    }
    const part = parseSpecifier(piece, tokens);
    if (part.kind === "format-fault") return part;
    if (literal !== "") parts.push({ kind: "literal", text: literal });
    literal = "";
    parts.push(part);
  }
  if (literal !== "") parts.push({ kind: "literal", text: literal });
  return { source, parts };
}

/** Something in it differs from message to message. */
export function hasSpecifiers(format: Format): boolean {
  return format.parts.some(({ kind }) => kind !== "literal");
}

/** The home folder of an account is part of it. */
export function needsHome(format: Format): boolean {
  return format.parts.some(
    (part) => part.kind === "home" || (part.kind === "token" && part.token === "user.directory"),
  );
}

function parseSpecifier(piece: string, tokens: readonly FormatToken[]): FormatPart | FormatFault {
  if (!piece.endsWith("}")) return fault(`unfinished format specifier: ${piece}`);
  const { name, early, modifiers: names, late } = SPECIFIER.exec(piece.slice(2, -1))?.groups ?? {};
  if (name === undefined) return fault(`invalid format specifier: ${piece}`);
  const token = tokens.find((known) => known === name.toLowerCase());
  if (token === undefined) return fault(unknownReason(piece, name));
  const modifiers = parseModifiers(names?.split("|") ?? [], piece);
  if ("reason" in modifiers) return modifiers;
  if (early !== undefined && late !== undefined) return fault(`two ranges in ${piece}`);
  const written = early ?? late;
  const range = written === undefined ? undefined : parseRange(written);
  if (range === "invalid") return fault(`invalid range '[${written}]' in ${piece}`);
  return { kind: "token", token, modifiers, range };
}

function unknownReason(piece: string, name: string): string {
  if (name.toLowerCase() !== "mda") return `unknown format specifier: ${piece}`;
  return "%{mda} is the command that a wrapper wraps, and means nothing elsewhere";
}

function parseModifiers(
  names: readonly string[],
  piece: string,
): readonly FormatModifier[] | FormatFault {
  const modifiers: FormatModifier[] = [];
  for (const name of names) {
    const modifier = FORMAT_MODIFIERS.find((known) => known === name.toLowerCase());
    if (modifier === undefined) return fault(`unknown modifier '${name}' in ${piece}`);
    modifiers.push(modifier);
  }
  return modifiers;
}

function parseRange(written: string): FormatRange | "invalid" {
  const match = /^(?:(-?[0-9]+)|(-?[0-9]*):(-?[0-9]*))$/u.exec(written);
  if (match === null) return "invalid";
  const [, only, start = "", end = ""] = match;
  if (start === "-" || end === "-") return "invalid";
  const first = Number(only ?? start);
  const last = only === undefined ? lastOf(end) : first;
  if (Math.max(Math.abs(first), Math.abs(last)) > MAX_OFFSET) return "invalid";
  // With one end counted from each side only the value can tell.
  const isEmpty = first < 0 === last < 0 && last < first;
  return isEmpty ? "invalid" : { first, last };
}

/** A negative end is the number of characters left off. */
function lastOf(end: string): number {
  if (end === "") return -1;
  return end.startsWith("-") ? Number(end) - 1 : Number(end);
}

function fault(reason: string): FormatFault {
  return { kind: "format-fault", reason };
}
