/** `smtp …`: what holds for all sessions with clients. Source: smtpd.conf(5); nooSMTPD (smtp tls). */
import { unreachable } from "#base/unreachable.ts";
import { parseSizeAmount, parseTlsValue, TLS_WORDS } from "./parse-values.ts";
import type { Place } from "./place.ts";
import type { SettingStatement, SettingSyntax, TlsSyntax } from "./syntax.ts";
import { meantHint, Misfit, type TokenReader } from "./token-reader.ts";

const LIMITS: ReadonlyMap<string, "maxRecipients" | "maxMailsPerSession"> = new Map([
  ["max-rcpt", "maxRecipients"],
  ["max-mails", "maxMailsPerSession"],
]);

const SETTING_WORDS = ["ciphers", "limit", "max-message-size", "sub-addr-delim", "tls"] as const;

export function parseSmtp(reader: TokenReader, at: Place): SettingStatement {
  return { kind: "setting", at, values: parseValues(reader) };
}

function parseValues(reader: TokenReader): readonly SettingSyntax[] {
  const { at } = reader.peek();
  const word = reader.expectOneOf(SETTING_WORDS);
  switch (word) {
    case "limit":
      return parseSessionLimits(reader);
    case "max-message-size":
      return [{ name: "maxMessageBytes", value: parseSizeAmount(reader) }];
    case "sub-addr-delim":
      return [{ name: "subAddressDelimiter", value: reader.expectString("a character in quotes") }];
    case "ciphers":
      // OpenSMTPD's spelling of `smtp tls ciphers S`.
      return [
        { name: "tls", at, value: { ciphers: parseTlsValue(reader, { text: word, at }).value } },
      ];
    case "tls":
      return [{ name: "tls", at, value: parseTls(reader) }];
    default:
      return unreachable(word);
  }
}

/** At least one of the three, each at most once. */
function parseTls(reader: TokenReader): TlsSyntax {
  let syntax: TlsSyntax = {};
  do {
    const { at } = reader.peek();
    const word = reader.expectOneOf(TLS_WORDS);
    if (syntax[word] !== undefined) throw new Misfit(at, `${word} already specified`);
    syntax = { ...syntax, [word]: parseTlsValue(reader, { text: word, at }).value };
  } while (!reader.isAtLineEnd());
  return syntax;
}

function parseSessionLimits(reader: TokenReader): readonly SettingSyntax[] {
  const values: SettingSyntax[] = [];
  do {
    const key = reader.expectString("'max-rcpt' or 'max-mails'");
    const name = LIMITS.get(key.text);
    if (name === undefined)
      throw new Misfit(
        key.at,
        `invalid session limit keyword: ${key.text}`,
        meantHint(key.text, [...LIMITS.keys()]),
      );
    values.push({ name, value: reader.expectNumber("a number") });
  } while (!reader.isAtLineEnd());
  return values;
}
