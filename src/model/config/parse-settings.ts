/** `smtp …` and `queue …`: values of the whole server. Source: smtpd.conf(5). */
import { unreachable } from "#base/unreachable.ts";
import type { Place } from "./config.ts";
import { parseTtl } from "./parse-action.ts";
import { parseSize } from "./size.ts";
import type { Amount, SettingStatement, SettingSyntax } from "./syntax.ts";
import { meantHint, Misfit, type TokenReader } from "./token-reader.ts";

const LIMITS: ReadonlyMap<string, "maxRecipients" | "maxMailsPerSession"> = new Map([
  ["max-rcpt", "maxRecipients"],
  ["max-mails", "maxMailsPerSession"],
]);

export function parseSmtpSetting(reader: TokenReader, at: Place): SettingStatement {
  const word = reader.expectOneOf(["limit", "max-message-size", "sub-addr-delim"], "smtp setting");
  switch (word) {
    case "limit":
      return { kind: "setting", at, values: parseLimits(reader) };
    case "max-message-size": {
      const value = parseSizeAmount(reader);
      return { kind: "setting", at, values: [{ name: "maxMessageBytes", value }] };
    }
    case "sub-addr-delim": {
      const value = reader.expectString("a character in quotes");
      return { kind: "setting", at, values: [{ name: "subAddressDelimiter", value }] };
    }
    default:
      return unreachable(word);
  }
}

export function parseQueueSetting(reader: TokenReader, at: Place): SettingStatement {
  reader.expectOneOf(["ttl"], "queue setting");
  return { kind: "setting", at, values: [{ name: "queueTtlMs", value: parseTtl(reader) }] };
}

function parseLimits(reader: TokenReader): readonly SettingSyntax[] {
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

function parseSizeAmount(reader: TokenReader): Amount {
  const token = reader.take();
  if (token.kind !== "word" && token.kind !== "quoted" && token.kind !== "number")
    reader.failAt(token, ["a size, as in 35M"]);
  const value = parseSize(token.text);
  if (value !== undefined) return { value, at: token.at };
  throw new Misfit(
    token.at,
    `invalid size: ${token.text}`,
    "write bytes, or a number and a unit, as in 35M",
  );
}
