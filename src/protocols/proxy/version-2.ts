/**
 * Version 2: binary, with extensions behind the addresses that are skipped.
 *
 * Source: The PROXY protocol §2.2; OpenSMTPD's proxy.c for the families that it takes.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { fault, MORE, proxied, type ProxyHeader } from "./header.ts";

const SIGNATURE: Buffer = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Signature, version and command, family and protocol, length. */
const FIXED_BYTES = 16;
/** §2.2 has 16 bits for the length; proxies send some hundred octets at most. */
export const MAX_VERSION_2_BYTES: number = FIXED_BYTES + 2048;

const VERSION = 0x20;
const LOCAL = 0x20;
const PROXY = 0x21;

export function readVersion2(bytes: Buffer): ProxyHeader {
  const signature = bytes.subarray(0, SIGNATURE.length);
  if (!SIGNATURE.subarray(0, signature.length).equals(signature)) return fault("no signature");
  if (bytes.length < FIXED_BYTES) return MORE;
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if ((command & 0xf0) !== VERSION) return fault("another version");
  if (command !== LOCAL && command !== PROXY) return fault("an unknown command");
  if (length > MAX_VERSION_2_BYTES) return fault("header too long");
  if (bytes.length < length) return MORE;
  if (command === LOCAL) return { kind: "header", length, ends: undefined };
  return readEnds(bytes.subarray(FIXED_BYTES, length), family, length);
}

/** @param block addresses, then extensions. */
function readEnds(block: Buffer, family: number, length: number): ProxyHeader {
  switch (family) {
    case 0x00: // UNSPEC
      return { kind: "header", length, ends: undefined };
    case 0x11: // INET, STREAM
      if (block.length < 12) return fault("addresses too short");
      return proxied(
        length,
        endpoint(ipv4(block, 0), block.readUInt16BE(8)),
        endpoint(ipv4(block, 4), block.readUInt16BE(10)),
      );
    case 0x21: // INET6, STREAM
      if (block.length < 36) return fault("addresses too short");
      return proxied(
        length,
        endpoint(ipv6(block, 0), block.readUInt16BE(32)),
        endpoint(ipv6(block, 16), block.readUInt16BE(34)),
      );
    case 0x31: // UNIX, STREAM: a client of the proxy's machine, of which the path says nothing
      if (block.length < 216) return fault("addresses too short");
      return { kind: "header", length, ends: undefined };
    default:
      return fault("an unknown family or protocol");
  }
}

function endpoint(host: string, port: number): Endpoint {
  return { kind: "tcp", host, port };
}

function ipv4(block: Buffer, from: number): string {
  return block.subarray(from, from + 4).join(".");
}

/** In the short form, as sockets name it (RFC 5952 §4); a mapped address as IPv4. */
function ipv6(block: Buffer, from: number): string {
  const groups = Array.from({ length: 8 }, (_, at) => block.readUInt16BE(from + 2 * at));
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return ipv4(block, from + 12);
  return shortest(groups.map((group) => group.toString(16)));
}

function shortest(groups: readonly string[]): string {
  let best = 0;
  let bestLength = 1; // one group of zeros is not shortened
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === "0") length++;
    if (length > bestLength) {
      best = at;
      bestLength = length;
    }
  }
  if (bestLength === 1) return groups.join(":");
  const head = groups.slice(0, best).join(":");
  return `${head}::${groups.slice(best + bestLength).join(":")}`;
}
