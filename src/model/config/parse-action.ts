/** `action NAME …`. Source: smtpd.conf(5). */
import { unreachable } from "#base/unreachable.ts";
import type { Place } from "./config.ts";
import { parseDelay } from "./delay.ts";
import { parseHostname } from "./parse-listen.ts";
import { parseTableOperand } from "./parse-table.ts";
import type { ActionMethod, ActionStatement, TableOperand, Word } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

interface Options {
  user?: Word;
  rcptTo?: true;
  hosts?: TableOperand;
  helo?: string;
  ttlMs?: number;
}

const LOCAL_OPTIONS = ["user", "ttl"] as const;
const LMTP_OPTIONS = ["rcpt-to", "user", "ttl"] as const;
const RELAY_OPTIONS = ["host", "helo", "ttl"] as const;
type OptionWord = (typeof LMTP_OPTIONS)[number] | (typeof RELAY_OPTIONS)[number];

export function parseAction(reader: TokenReader, at: Place): ActionStatement {
  const name = reader.expectString("an action name");
  const kind = reader.expectOneOf(["maildir", "lmtp", "relay"], "action method");
  const [method, options] = parseMethod(reader, kind);
  return { kind: "action", at, name, method, ttlMs: options.ttlMs };
}

/** A duration, in milliseconds. */
export function parseTtl(reader: TokenReader): { readonly value: number; readonly at: Place } {
  const token = reader.take();
  if (token.kind !== "word" && token.kind !== "quoted" && token.kind !== "number")
    reader.failAt(token, ["a time, as in 4d"]);
  const value = parseDelay(token.text);
  if (value !== undefined) return { value, at: token.at };
  throw new Misfit(
    token.at,
    `invalid ttl delay: ${token.text}`,
    "write a whole number and one of s, m, h, d, as in 4d",
  );
}

function parseMethod(
  reader: TokenReader,
  kind: ActionMethod["kind"],
): readonly [method: ActionMethod, options: Options] {
  switch (kind) {
    case "maildir": {
      const path = reader.isAtString() ? reader.expectString("a path") : undefined;
      const options = parseOptions(reader, LOCAL_OPTIONS, "local option");
      return [{ kind, path, user: options.user }, options];
    }
    case "lmtp": {
      const destination = reader.expectString("a destination");
      const options = parseOptions(reader, LMTP_OPTIONS, "local option");
      const { user, rcptTo = false } = options;
      return [{ kind, destination, rcptTo, user }, options];
    }
    case "relay": {
      const options = parseOptions(reader, RELAY_OPTIONS, "relay option");
      return [{ kind, hosts: options.hosts, helo: options.helo }, options];
    }
    default:
      return unreachable(kind);
  }
}

function parseOptions(
  reader: TokenReader,
  words: readonly OptionWord[],
  position: "local option" | "relay option",
): Options {
  const options: Options = {};
  const seen = new Set<string>();
  while (!reader.isAtLineEnd()) {
    const { at } = reader.peek();
    const word = reader.expectOneOf(words, position);
    if (seen.has(word)) throw new Misfit(at, `${word} already specified for this dispatcher`);
    seen.add(word);
    parseOption(reader, word, options);
    // `ttl` is the last word of an action.
    if (word === "ttl") break;
  }
  return options;
}

function parseOption(reader: TokenReader, word: OptionWord, options: Options): void {
  switch (word) {
    case "user":
      options.user = reader.expectString("a user name");
      break;
    case "rcpt-to":
      options.rcptTo = true;
      break;
    case "host":
      options.hosts = parseTableOperand(reader);
      break;
    case "helo":
      options.helo = parseHostname(reader);
      break;
    case "ttl":
      options.ttlMs = parseTtl(reader).value;
      break;
  }
}
