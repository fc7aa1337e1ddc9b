/**
 * Format specifiers, as in `maildir "~/Mail/%{rcpt.domain}"`: read once, with the
 * configuration, so that every mistake is a complaint and none is found when mail
 * is delivered. OpenSMTPD finds some only then, and ignores an unfinished `%{`.
 *
 * Limits: modifiers (`:lowercase`) and ranges (`[0:3]`) are not built yet.
 * Source: smtpd.conf(5), FORMAT SPECIFIERS; OpenSMTPD mda_variables.c.
 */
import type { Format, FormatPart, FormatToken } from "./config.ts";

export interface FormatFault {
  readonly kind: "format-fault";
  readonly reason: string;
}

export const FORMAT_TOKENS: readonly FormatToken[] = [
  ...(["sender", "sender.user", "sender.domain", "rcpt", "rcpt.user", "rcpt.domain"] as const),
  ...(["dest", "dest.user", "dest.domain", "user.username", "user.directory"] as const),
  "mbox.from",
];

/** `%%` is a percent sign, and so is a `%` without `{`; a leading `~` or `~/` is the home. */
export function parseFormat(source: string): Format | FormatFault {
  const parts: FormatPart[] = [];
  let rest = source;
  if (source === "~" || source.startsWith("~/")) {
    parts.push({ kind: "home" });
    rest = source.slice(1);
  }
  let literal = "";
  while (rest !== "") {
    const [piece = ""] = /^(?:%%|%\{[^}]*\}?|[^%]+|%)/u.exec(rest) ?? [];
    rest = rest.slice(piece.length);
    if (!piece.startsWith("%{")) {
      literal += piece === "%%" ? "%" : piece;
      continue;
    }
    const token = parseToken(piece);
    if (typeof token !== "string") return token;
    if (literal !== "") parts.push({ kind: "literal", text: literal });
    literal = "";
    parts.push({ kind: "token", token });
  }
  if (literal !== "") parts.push({ kind: "literal", text: literal });
  return { source, parts };
}

function parseToken(piece: string): FormatToken | FormatFault {
  if (!piece.endsWith("}")) return fault(`unfinished format specifier: ${piece}`);
  const [name = ""] = /^[^[:]*/u.exec(piece.slice(2, -1)) ?? [];
  const token = FORMAT_TOKENS.find((known) => known === name.toLowerCase());
  if (token === undefined) return fault(`unknown format specifier: ${piece}`);
  if (piece.length === name.length + 3) return token;
  const what = piece.includes("[") ? "range" : "modifier";
  return fault(`the ${what} in ${piece} is not built yet`);
}

function fault(reason: string): FormatFault {
  return { kind: "format-fault", reason };
}
