/**
 * Version 1: one line of text, `PROXY TCP4 192.0.2.7 198.51.100.25 4025 25`.
 *
 * Source: The PROXY protocol §2.1.
 */
import { CR, LF } from "#base/ascii.ts";
import type { Endpoint } from "#base/endpoint.ts";
import { isIpv4, isIpv6 } from "#base/ip-address.ts";
import { fault, MORE, proxied, type ProxyHeader } from "./header.ts";

/** §2.1: 107 octets with CRLF. */
export const MAX_VERSION_1_BYTES = 107;
const BEGINNING = "PROXY ";

export function readVersion1(bytes: Buffer): ProxyHeader {
  const beginning = bytes.toString("latin1", 0, BEGINNING.length);
  if (!BEGINNING.startsWith(beginning)) return fault("no PROXY line");
  const lineFeed = bytes.subarray(0, MAX_VERSION_1_BYTES).indexOf(LF);
  if (lineFeed < 0) return bytes.length >= MAX_VERSION_1_BYTES ? fault("line too long") : MORE;
  if (bytes[lineFeed - 1] !== CR) return fault("a line that ends in LF alone");
  const line = bytes.toString("latin1", 0, lineFeed - 1);
  const length = lineFeed + 1;
  // §2.1: what stands behind UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN( [ -~]*)?$/.test(line)) return { kind: "header", length, ends: undefined };
  const [, family, source = "", destination = "", sourcePort, destinationPort] =
    /^PROXY (TCP[46]) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? [];
  const isAddress = family === "TCP4" ? isIpv4 : isIpv6;
  if (family === undefined || !isAddress(source) || !isAddress(destination))
    return fault("no addresses of clients");
  const remote = endpoint(source, sourcePort);
  const local = endpoint(destination, destinationPort);
  if (remote === undefined || local === undefined) return fault("no port");
  return proxied(length, remote, local);
}

/** §2.1: ports have no leading zeros. */
function endpoint(host: string, digits = ""): Endpoint | undefined {
  const port = Number(digits);
  if (port > 65_535 || String(port) !== digits) return undefined;
  return { kind: "tcp", host: host.toLowerCase(), port };
}
