/** `queue`, `trace`, `bounce`, `srs`, `admd` and `compat`: the other values of the whole server. Source: smtpd.conf(5). */
import { unreachable } from "#base/unreachable.ts";
import { MAX_BOUNCE_WARN_INTERVALS } from "./defaults.ts";
import { parseDelayAmount, parseSizeAmount } from "./parse-values.ts";
import type { Place } from "./place.ts";
import type { Amount, SettingStatement, SettingSyntax } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

export function parseQueue(reader: TokenReader, at: Place): SettingStatement {
  const word = reader.expectOneOf(["compression", "encryption", "ttl"]);
  switch (word) {
    case "compression":
      return setting(at, { name: "queueCompression", at, value: parseCompression(reader) });
    case "encryption":
      return setting(at, { name: "queueEncryption", at, key: parseQueueKey(reader) });
    case "ttl":
      return setting(at, { name: "queueTtlMs", value: parseDelayAmount(reader, "ttl") });
    default:
      return unreachable(word);
  }
}

/** Postrider's own. */
export function parseTrace(reader: TokenReader, at: Place): SettingStatement {
  const word = reader.expectOneOf(["age", "mask", "off", "size"]);
  switch (word) {
    case "age":
      return setting(at, { name: "traceAgeMs", value: parseDelayAmount(reader, "trace") });
    case "size":
      return setting(at, { name: "traceBytes", value: parseSizeAmount(reader) });
    case "mask":
      return setting(at, { name: "traceRecipients", at, value: "masked" });
    case "off":
      return setting(at, { name: "traceRecipients", at, value: "off" });
    default:
      return unreachable(word);
  }
}

/** A comma between them, or nothing. OpenSMTPD ignores those that are too many. */
export function parseBounce(reader: TokenReader, at: Place): SettingStatement {
  reader.expectWord("warn-interval");
  const value: Amount[] = [];
  do {
    const delay = parseDelayAmount(reader, "bounce");
    if (value.length >= MAX_BOUNCE_WARN_INTERVALS)
      throw new Misfit(
        delay.at,
        `too many bounce delays: at most ${MAX_BOUNCE_WARN_INTERVALS}`,
        "OpenSMTPD ignores this one and all after it",
      );
    value.push(delay);
  } while (reader.acceptSign(",") || !reader.isAtLineEnd());
  return setting(at, { name: "bounceWarnIntervals", at, value });
}

export function parseSrs(reader: TokenReader, at: Place): SettingStatement {
  if (reader.expectOneOf(["key", "ttl"]) === "ttl")
    return setting(at, { name: "srsTtlMs", value: parseDelayAmount(reader, "ttl") });
  const name = reader.accept("backup") ? "srsBackupKey" : "srsKey";
  return setting(at, { name, value: reader.expectValue("a key") });
}

export function parseAdmd(reader: TokenReader, at: Place): SettingStatement {
  return setting(at, { name: "admd", value: reader.expectString("a name") });
}

/** Postrider's own: how far to mean what OpenSMTPD means. */
export function parseCompat(reader: TokenReader, at: Place): SettingStatement {
  return setting(at, { name: "compat", at, value: reader.expectOneOf(["opensmtpd", "none"]) });
}

function setting(at: Place, value: SettingSyntax): SettingStatement {
  return { kind: "setting", at, values: [value] };
}

function parseQueueKey(
  reader: TokenReader,
): Extract<SettingSyntax, { readonly name: "queueEncryption" }>["key"] {
  if (reader.isAtLineEnd()) return { from: "terminal" };
  if (reader.acceptSign("-")) return { from: "stdin" };
  if (reader.accept("file")) return { from: "file", path: reader.expectString("a path") };
  const key = reader.expectValue("a key, 'file', 'stdin' or '-'");
  return ["stdin", "-"].includes(key.text.toLowerCase())
    ? { from: "stdin" }
    : { from: "line", key };
}

/** The words are ours: OpenSMTPD compresses with gzip and says nothing. */
function parseCompression(reader: TokenReader): "zstd" | "gzip" {
  return reader.isAtLineEnd() ? "zstd" : reader.expectOneOf(["zstd", "gzip"]);
}
