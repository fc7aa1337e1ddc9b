/** `listen on …`. Source: smtpd.conf(5); nooSMTPD's report of January 2021 (sockets). */
import type { Place } from "./config.ts";
import { MAX_PORT, MAX_TAG_LENGTH, SMTP_SERVICES } from "./defaults.ts";
import { isNotBuilt } from "./not-built.ts";
import type { ListenStatement } from "./syntax.ts";
import { meantHint, Misfit, notBuilt, type TokenReader } from "./token-reader.ts";

const ADDRESS_OPTIONS = ["port", "tag", "hostname", "mask-src"] as const;
const SOCKET_OPTIONS = ["tag", "mask-src", "mode"] as const;

/** What the options of one `listen` have said so far. */
type Options = {
  -readonly [Name in "port" | "tag" | "hostname" | "maskSource" | "mode"]: ListenStatement[Name];
};

export function parseListen(reader: TokenReader, at: Place): ListenStatement {
  reader.expectWord("on");
  const target = parseTarget(reader);
  const words = target.kind === "socket" ? SOCKET_OPTIONS : ADDRESS_OPTIONS;
  const position = target.kind === "socket" ? "socket option" : "listen option";
  const options: Options = {
    port: undefined,
    tag: "",
    hostname: undefined,
    maskSource: false,
    mode: undefined,
  };
  const seen = new Set<string>();
  while (!reader.isAtLineEnd()) {
    const optionAt = reader.peek().at;
    const word = reader.expectOneOf(words, position);
    if (seen.has(word)) throw new Misfit(optionAt, `${word} already specified`);
    seen.add(word);
    parseOption(reader, word, options);
  }
  return { kind: "listen", at, target, ...options };
}

function parseTarget(reader: TokenReader): ListenStatement["target"] {
  if (reader.accept("socket")) {
    const path = reader.peek().kind === "quoted" ? reader.expectString("a path") : undefined;
    return { kind: "socket", path };
  }
  const token = reader.peek();
  if (!reader.isAtString())
    reader.failAt(token, ["an address", "an interface", "'all'", "'socket'"]);
  if (isNotBuilt("listen address", token.text)) throw notBuilt(token);
  return { kind: "address", name: reader.expectString("an address") };
}

function parseOption(
  reader: TokenReader,
  word: (typeof ADDRESS_OPTIONS)[number] | (typeof SOCKET_OPTIONS)[number],
  options: Options,
): void {
  switch (word) {
    case "port":
      options.port = parsePort(reader);
      break;
    case "tag":
      options.tag = parseTag(reader);
      break;
    case "hostname":
      options.hostname = parseHostname(reader);
      break;
    case "mask-src":
      options.maskSource = true;
      break;
    case "mode":
      options.mode = parseMode(reader);
      break;
  }
}

function parseTag(reader: TokenReader): string {
  const tag = reader.expectString("a tag");
  if (tag.text.length > MAX_TAG_LENGTH) throw new Misfit(tag.at, "tag name too long");
  return tag.text;
}

function parsePort(reader: TokenReader): number {
  const token = reader.take();
  if (token.kind === "number") {
    // Port 0 is any free port, which tests and embedders need.
    if (token.value >= 0 && token.value <= MAX_PORT) return token.value;
    throw new Misfit(token.at, `invalid port: ${token.text}`);
  }
  if (token.kind !== "word" && token.kind !== "keyword" && token.kind !== "quoted")
    reader.failAt(token, ["a port"]);
  const services = Object.keys(SMTP_SERVICES);
  const port = services.includes(token.text) ? SMTP_SERVICES[token.text] : undefined;
  if (port !== undefined) return port;
  throw new Misfit(token.at, `invalid port: ${token.text}`, meantHint(token.text, services));
}

/** A host name or an address literal, as it goes into greetings. */
export function parseHostname(reader: TokenReader): string {
  const name = reader.expectString("a host name");
  if (/^(\[[0-9A-Za-z.:]+\]|[0-9A-Za-z_.-]+)$/u.test(name.text)) return name.text;
  throw new Misfit(name.at, `invalid host name: ${name.text}`);
}

function parseMode(reader: TokenReader): number {
  const token = reader.take();
  if (token.kind !== "number") reader.failAt(token, ["permissions in octal, as in 0660"]);
  if (/^0?[0-7]{3}$/u.test(token.text)) return Number.parseInt(token.text, 8);
  throw new Misfit(token.at, `invalid mode: ${token.text}`, "write three octal digits: 0660");
}
