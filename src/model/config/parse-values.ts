/** Values that several statements take: host names, times, users. Source: smtpd.conf(5). */
import { parseDelay } from "./delay.ts";
import { isGreetingName } from "./host-name.ts";
import { parseSize } from "./size.ts";
import type { Amount, Option, Word } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

/** A host name or an address literal, as it goes into greetings. */
export function parseHostname(reader: TokenReader): string {
  return parseHostnameWord(reader).text;
}

export function parseHostnameWord(reader: TokenReader): Word {
  const name = reader.expectString("a host name");
  if (isGreetingName(name.text)) return name;
  throw new Misfit(name.at, `invalid host name: ${name.text}`);
}

/** A command for the shell. */
export function parseCommand(reader: TokenReader, what: string): Word {
  const command = reader.expectString("a command in quotes");
  if (command.text.trim() !== "") return command;
  throw new Misfit(command.at, `${what} needs a command`);
}

/** A duration in milliseconds; `kind` is "ttl" or "bounce", as OpenSMTPD complains, or ours. */
export function parseDelayAmount(reader: TokenReader, kind: "ttl" | "bounce" | "trace"): Amount {
  const word = reader.expectValue("a time, as in 4d");
  const value = parseDelay(word.text);
  if (value !== undefined) return { value, at: word.at };
  throw new Misfit(
    word.at,
    `invalid ${kind} delay: ${word.text}`,
    "write a whole number and one of s, m, h, d, as in 4d",
  );
}

/** Bytes. */
export function parseSizeAmount(reader: TokenReader): Amount {
  const word = reader.expectValue("a size, as in 35M");
  const value = parseSize(word.text);
  if (value !== undefined) return { value, at: word.at };
  throw new Misfit(
    word.at,
    `invalid size: ${word.text}`,
    "write bytes, or a number and a unit, as in 35M",
  );
}

/** The name of a user or group of the system. */
export function parseAccount(reader: TokenReader, what: "user" | "group"): string {
  const name = reader.expectString(`the name of a ${what}`);
  if (isAccountName(name.text)) return name.text;
  throw new Misfit(name.at, `invalid ${what} name: ${name.text}`);
}

/** As useradd(8) takes them, and those of directories besides. */
export function isAccountName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@$-]*$/u.test(text);
}

/** `ciphers S`, `curves S` or `protocols S`, with its word already taken. */
export function parseTlsValue(reader: TokenReader, word: Word): Option<Word> {
  return { at: word.at, value: reader.expectString(TLS_VALUES[word.text] ?? "a value") };
}

export const TLS_WORDS = ["ciphers", "curves", "protocols"] as const;

const TLS_VALUES: Readonly<Record<string, string>> = {
  ciphers: "a level or names of ciphers",
  curves: "names of curves",
  protocols: "TLS versions",
};
