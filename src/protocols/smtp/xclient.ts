/**
 * XCLIENT and XFORWARD: a peer that is trusted says for whom it speaks. XCLIENT puts that
 * client in the peer's place; XFORWARD only names it for the log.
 *
 * Values are xtext; `[UNAVAILABLE]` and `[TEMPUNAVAIL]` stand for what is not known. A
 * value with a control character, and a name or an address that is none, refuse the
 * command as a whole. PROTO, HELO, IDENT and SOURCE are read and go to the log alone: the
 * client says HELO again behind XCLIENT.
 *
 * Source: Postfix's XCLIENT_README and XFORWARD_README.
 */
import { isIpv4, isIpv6 } from "#base/ip-address.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { Reply } from "./reply.ts";
import { BAD_PARAMETER } from "./status.ts";
import { decodeXtext } from "./xtext.ts";

/** A client as its peer names it; undefined: nothing was said, or it is not known. */
export interface NamedClient {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly hostname: string | undefined;
  /** Nobody knows the host name, so that nobody asks for it. */
  readonly isNameless: boolean;
  /** Who has logged in, "" for nobody. */
  readonly login: string | undefined;
  /** Where it has connected to. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

export interface Xclient {
  readonly verb: "XCLIENT";
  readonly client: NamedClient;
}

export interface Xforward {
  readonly verb: "XFORWARD";
  /** For the log: `NAME=… ADDR=…`, decoded. */
  readonly text: string;
}

/** Postfix's bound of a value. */
const MAX_VALUE_LENGTH = 255;
const XCLIENT_WORDS = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"];
const XFORWARD_WORDS = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"];
const NOT_KNOWN: readonly string[] = ["[UNAVAILABLE]", "[TEMPUNAVAIL]"];

export function parseXclient(argument: string): Xclient | Reply {
  const given = attributes(argument, XCLIENT_WORDS);
  if (given === undefined) return BAD_PARAMETER;
  const address = addressOf(given.get("ADDR"));
  const localAddress = addressOf(given.get("DESTADDR"));
  const port = portOf(given.get("PORT"));
  const localPort = portOf(given.get("DESTPORT"));
  const name = given.get("NAME");
  const hostname = name === "" ? undefined : name;
  const isBad =
    address === "bad" ||
    localAddress === "bad" ||
    port === "bad" ||
    localPort === "bad" ||
    (hostname !== undefined && !isHostName(hostname));
  if (isBad) return BAD_PARAMETER;
  const isNameless = name === "";
  const login = given.get("LOGIN");
  return {
    verb: "XCLIENT",
    client: { address, port, hostname, isNameless, login, localAddress, localPort },
  };
}

export function parseXforward(argument: string): Xforward | Reply {
  const given = attributes(argument, XFORWARD_WORDS);
  if (given === undefined) return BAD_PARAMETER;
  return {
    verb: "XFORWARD",
    text: Array.from(given, ([word, value]) => `${word}=${value}`).join(" "),
  };
}

/** Values by their words, "" for what is not known; undefined if there is a fault. */
function attributes(
  argument: string,
  words: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const given = new Map<string, string>();
  for (const pair of argument.split(" ")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const word = pair.slice(0, Math.max(equals, 0)).toUpperCase();
    const written = pair.slice(equals + 1);
    const value = NOT_KNOWN.includes(written.toUpperCase()) ? "" : decodeXtext(written);
    if (!words.includes(word) || given.has(word) || value === undefined) return undefined;
    if (value.length > MAX_VALUE_LENGTH || !/^[ -~]*$/.test(value)) return undefined;
    given.set(word, value);
  }
  return given.size === 0 ? undefined : given;
}

/** `192.0.2.7` or `IPV6:2001:db8::7`. */
function addressOf(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (isIpv4(value)) return value;
  const inner = /^ipv6:/i.test(value) ? value.slice(5) : "";
  return isIpv6(inner) ? inner.toLowerCase() : "bad";
}

function portOf(value: string | undefined): number | "bad" | undefined {
  if (value === undefined || value === "") return undefined;
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : "bad";
}
