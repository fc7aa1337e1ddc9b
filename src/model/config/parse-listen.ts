/**
 * `listen on …`: a target, then options in any order, each at most once.
 *
 * `ciphers`, `curves` and `protocols` may follow `tls`, as nooSMTPD writes them, or
 * stand anywhere, as OpenSMTPD does: to us it is the same.
 *
 * Source: smtpd.conf(5); nooSMTPD's report of January 2021 (sockets, curves).
 */
import { MAX_LISTENER_PKIS, MAX_PORT, MAX_TAG_LENGTH, SMTP_SERVICES } from "./defaults.ts";
import { parseFilterOperand } from "./parse-filter.ts";
import { parseTableOperand } from "./parse-table.ts";
import { parseAccount, parseHostname, parseTlsValue } from "./parse-values.ts";
import type { Place } from "./place.ts";
import type { ListenOptions, ListenStatement, Option, Word } from "./syntax.ts";
import { meantHint, Misfit, type TokenReader } from "./token-reader.ts";

type Draft = { -readonly [Name in keyof ListenOptions]: ListenOptions[Name] };

/** Reads what follows the option's word, which stands `at`. */
type ReadOption = (reader: TokenReader, at: Place, options: Draft) => void;

interface OptionTraits {
  /** What OpenSMTPD says is "already specified"; options that share it exclude each other. */
  readonly subject: string;
  readonly mayRepeat?: true;
  readonly on: "addresses" | "sockets" | "both";
  readonly read: ReadOption;
}

const OPTIONS: ReadonlyMap<string, OptionTraits> = new Map<string, OptionTraits>([
  ["inet4", family("inet4")],
  ["inet6", family("inet6")],
  ["port", onAddresses("port", (reader, at, to) => void (to.port = option(at, parsePort(reader))))],
  ["tls", tlsMode("starttls")],
  ["tls-require", tlsMode("starttls-required")],
  ["smtps", tlsMode("smtps")],
  ["pki", { ...onAddresses("pki", parsePki), mayRepeat: true }],
  [
    "ca",
    onAddresses("ca", (reader, at, to) => {
      to.ca = option(at, reader.expectString("the name of a ca"));
    }),
  ],
  ["ciphers", tlsValue("ciphers")],
  ["curves", tlsValue("curves")],
  ["protocols", tlsValue("protocols")],
  ["auth", auth("required")],
  ["auth-optional", auth("optional")],
  ["tag", onBoth("tag", (reader, at, to) => void (to.tag = option(at, parseTag(reader))))],
  [
    "hostname",
    onAddresses("hostname", (reader, at, to) => {
      to.hostname = option(at, parseHostname(reader));
    }),
  ],
  [
    "hostnames",
    onAddresses("hostnames", (reader, at, to) => {
      to.hostnames = option(at, parseTableOperand(reader));
    }),
  ],
  ["senders", onBoth("senders", parseSenders)],
  [
    "filter",
    onBoth("filter", (reader, at, to) => {
      to.filter = option(at, parseFilterOperand(reader));
    }),
  ],
  ["mask-src", onBoth("mask-source", (_, at, to) => void (to.maskSource = option(at, true)))],
  [
    "received-auth",
    onAddresses("received-auth", (_, at, to) => void (to.receivedAuth = option(at, true))),
  ],
  ["no-dsn", onBoth("no-dsn", (_, at, to) => void (to.noDsn = option(at, true)))],
  ["proxy", proxy("v1")],
  ["proxy-v2", proxy("v2")],
  ["xclient", onAddresses("xclient", parseXclient)],
  ["lmtp", onBoth("lmtp", (_, at, to) => void (to.lmtp = option(at, true)))],
  ["mode", onSockets("mode", (reader, at, to) => void (to.mode = option(at, parseMode(reader))))],
  [
    "user",
    onSockets("user", (reader, at, to) => {
      to.user = option(at, parseAccount(reader, "user"));
    }),
  ],
  [
    "group",
    onSockets("group", (reader, at, to) => {
      to.group = option(at, parseAccount(reader, "group"));
    }),
  ],
]);

const ADDRESS_OPTIONS = optionsOn("addresses");
const SOCKET_OPTIONS = optionsOn("sockets");

export function parseListen(reader: TokenReader, at: Place): ListenStatement {
  reader.expectWord("on");
  const target = parseTarget(reader);
  const words = target.kind === "socket" ? SOCKET_OPTIONS : ADDRESS_OPTIONS;
  const options: Draft = {};
  const seen = new Set<string>();
  while (!reader.isAtLineEnd()) {
    const optionAt = reader.peek().at;
    const traits = OPTIONS.get(reader.expectOneOf(words));
    if (traits === undefined) break;
    if (seen.has(traits.subject) && traits.mayRepeat === undefined)
      throw new Misfit(optionAt, `${traits.subject} already specified`);
    seen.add(traits.subject);
    traits.read(reader, optionAt, options);
  }
  return { kind: "listen", at, target, options };
}

function parseTarget(reader: TokenReader): ListenStatement["target"] {
  if (reader.accept("socket")) {
    const path = reader.peek().kind === "quoted" ? reader.expectString("a path") : undefined;
    return { kind: "socket", path };
  }
  const token = reader.peek();
  if (!reader.isAtString())
    reader.failAt(token, ["an address", "an interface", "'all'", "'socket'"]);
  return { kind: "address", name: reader.expectString("an address") };
}

function onAddresses(subject: string, read: ReadOption): OptionTraits {
  return { subject, on: "addresses", read };
}

function onSockets(subject: string, read: ReadOption): OptionTraits {
  return { subject, on: "sockets", read };
}

function onBoth(subject: string, read: ReadOption): OptionTraits {
  return { subject, on: "both", read };
}

function optionsOn(kind: "addresses" | "sockets"): readonly string[] {
  return [...OPTIONS].filter(([, { on }]) => on === kind || on === "both").map(([word]) => word);
}

function option<Value>(at: Place, value: Value): Option<Value> {
  return { at, value };
}

function family(value: "inet4" | "inet6"): OptionTraits {
  return onAddresses("address family", (_, at, to) => void (to.family = option(at, value)));
}

function tlsMode(mode: NonNullable<ListenOptions["tls"]>["value"]["mode"]): OptionTraits {
  return onAddresses("TLS mode", (reader, at, to) => {
    const verify = reader.accept("verify");
    const isNamed = verify && reader.accept("fingerprint");
    to.tls = option(at, {
      mode,
      verify,
      fingerprints: isNamed ? parseTableOperand(reader) : undefined,
    });
  });
}

function tlsValue(word: "ciphers" | "curves" | "protocols"): OptionTraits {
  return onAddresses(word, (reader, at, to) => {
    to[word] = parseTlsValue(reader, { text: word, at });
  });
}

function auth(mode: "optional" | "required"): OptionTraits {
  return onBoth("auth", (reader, at, to) => {
    // One value alone could hold no credentials, and `curves` may follow.
    const isTable = reader.isAtSign("<") || reader.isAtSign("{");
    const table = isTable ? parseTableOperand(reader) : undefined;
    const oauth = reader.accept("oauth") ? reader.expectString("the name of an oauth") : undefined;
    to.auth = option(at, { mode, table, oauth });
  });
}

function proxy(version: "v1" | "v2"): OptionTraits {
  return onAddresses(version === "v1" ? "proxy" : "proxy-v2", (reader, at, to) => {
    if (to.proxy !== undefined) throw new Misfit(at, "proxy already specified");
    // OpenSMTPD's proxy-v2 stands alone.
    const from = reader.accept("from") ? parseTableOperand(reader) : undefined;
    to.proxy = option(at, { version, from });
  });
}

function parseXclient(reader: TokenReader, at: Place, to: Draft): void {
  reader.expectWord("from");
  to.xclient = option(at, parseTableOperand(reader));
}

function parsePki(reader: TokenReader, at: Place, to: Draft): void {
  const pkis: readonly Word[] = [...(to.pkis ?? []), reader.expectString("the name of a pki")];
  if (pkis.length > MAX_LISTENER_PKIS) throw new Misfit(at, "too many pki specified");
  to.pkis = pkis;
}

function parseSenders(reader: TokenReader, at: Place, to: Draft): void {
  const table = parseTableOperand(reader);
  to.senders = option(at, { table, masquerade: reader.accept("masquerade") });
}

function parseTag(reader: TokenReader): string {
  const tag = reader.expectString("a tag");
  if (tag.text.length > MAX_TAG_LENGTH) throw new Misfit(tag.at, "tag name too long");
  return tag.text;
}

function parsePort(reader: TokenReader): number {
  const token = reader.take();
  const isNumber = token.kind === "number" || /^[0-9]+$/u.test(token.text);
  // Port 0 is any free port, which tests and embedders need.
  if (isNumber && Number(token.text) >= 0 && Number(token.text) <= MAX_PORT)
    return Number(token.text);
  if (isNumber) throw new Misfit(token.at, `invalid port: ${token.text}`);
  if (token.kind !== "word" && token.kind !== "keyword" && token.kind !== "quoted")
    reader.failAt(token, ["a port"]);
  const services = Object.keys(SMTP_SERVICES);
  const port = services.includes(token.text) ? SMTP_SERVICES[token.text] : undefined;
  if (port !== undefined) return port;
  throw new Misfit(token.at, `invalid port: ${token.text}`, meantHint(token.text, services));
}

function parseMode(reader: TokenReader): number {
  const token = reader.take();
  if (token.kind !== "number" && token.kind !== "quoted")
    reader.failAt(token, ["permissions in octal, as in 0660"]);
  if (/^0?[0-7]{3}$/u.test(token.text)) return Number.parseInt(token.text, 8);
  throw new Misfit(token.at, `invalid mode: ${token.text}`, "write three octal digits: 0660");
}
