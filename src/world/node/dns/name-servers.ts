/**
 * The machine's name servers, and whether what they say of signatures is believed.
 *
 * They are believed if all of them are on this machine, where nobody writes on the way, or
 * if resolv.conf(5) says `options trust-ad`. One that is not would be the way around the
 * others: of an answer with wrong signatures a server that checks them says that it failed,
 * and the next one, which does not check, would be asked.
 *
 * Source: resolv.conf(5); RFC 7672 §2.1.1 (the path to the resolver must be secure).
 */
import dns from "node:dns";
import { readFileSync } from "node:fs";
import { parseIpAddress } from "#base/ip-address.ts";
import type { DnsServer } from "./exchange.ts";

export interface NameServers {
  /** In the order in which to ask them. */
  readonly servers: readonly DnsServer[];
  /** Whether the AD bit of their answers counts. */
  readonly areTrusted: boolean;
}

const DNS_PORT = 53;
/** resolv.conf(5): what is more is not asked. */
const MAX_SERVERS = 3;
/** Of a longer file nothing is believed. */
const MAX_FILE_BYTES = 65_536;

/** Those of resolv.conf(5), as the C library of the machine sees them. */
export function systemNameServers(path: string): NameServers {
  return nameServers(dns.getServers(), trustsAd(read(path)));
}

/** @param texts `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export function nameServers(texts: readonly string[], isDeclared: boolean): NameServers {
  const servers = texts.slice(0, MAX_SERVERS).map(parseServer);
  const areTrusted = isDeclared || servers.every(({ address }) => isLoopback(address));
  return { servers, areTrusted };
}

/** The last `options` that has it, or has none, is not told apart: it cannot be taken back. */
export function trustsAd(resolvConf: string): boolean {
  return resolvConf.split("\n").some((line) => {
    const [keyword, ...options] = line.trim().split(/\s+/u);
    return keyword === "options" && options.includes("trust-ad");
  });
}

function parseServer(text: string): DnsServer {
  const [, bracketed, plain = text, port] =
    /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/u.exec(text) ?? [];
  return { address: bracketed ?? plain, port: port === undefined ? DNS_PORT : Number(port) };
}

function isLoopback(address: string): boolean {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return false;
  const [first = 0] = parsed.words;
  return parsed.family === 4 ? first >>> 24 === 127 : parsed.words.join() === "0,0,0,1";
}

function read(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    return text.length <= MAX_FILE_BYTES ? text : "";
  } catch {
    // A machine without one asks itself, which is what the C library says, too.
    return "";
  }
}
