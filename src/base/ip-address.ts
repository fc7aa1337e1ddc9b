/**
 * IPv4 and IPv6 addresses and networks, from text to numbers.
 *
 * Forms are strict: no leading zeros, no short forms of IPv4. An IPv6 address may
 * stand in brackets, with or without `IPv6:`, and its scope (`%eth0`) is dropped.
 * An IPv4-mapped IPv6 address is the IPv4 address, so that one rule covers a
 * client however its socket names it.
 *
 * Source: RFC 4291 §2.2 (text forms), §2.5.5.2 (mapped); RFC 5321 §4.1.3 (literals).
 */

export interface IpAddress {
  readonly family: 4 | 6;
  /** Unsigned 32-bit words, most significant first: one for IPv4, four for IPv6. */
  readonly words: readonly number[];
}

export interface IpNetwork {
  readonly address: IpAddress;
  readonly prefixBits: number;
}

const MAPPED_PREFIX_BITS = 96;

/** Undefined if `text` is not an address. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const address = parseUnmapped(text);
  if (address === undefined || !isMapped(address)) return address;
  return { family: 4, words: address.words.slice(3) };
}

/** `ADDRESS` or `ADDRESS/BITS`; undefined if `text` is neither. Host bits need not be zero. */
export function parseIpNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf("/");
  const address = parseUnmapped(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const widthBits = address.words.length * 32;
  const prefixBits = slash < 0 ? widthBits : parseDecimal(text.slice(slash + 1), widthBits);
  if (prefixBits === undefined) return undefined;
  if (!isMapped(address) || prefixBits < MAPPED_PREFIX_BITS) return { address, prefixBits };
  return {
    address: { family: 4, words: address.words.slice(3) },
    prefixBits: prefixBits - MAPPED_PREFIX_BITS,
  };
}

/** The words of `address` with everything after the first `prefixBits` bits zero. */
export function maskWords(address: IpAddress, prefixBits: number): readonly number[] {
  return address.words.map((word, index) => {
    const keptBits = Math.min(32, Math.max(0, prefixBits - index * 32));
    return keptBits === 0 ? 0 : (word & (0xffff_ffff << (32 - keptBits))) >>> 0;
  });
}

/** Whether `address` is in `network`. */
export function networkHolds(network: IpNetwork, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false;
  const prefix = maskWords(network.address, network.prefixBits);
  const ofAddress = maskWords(address, network.prefixBits);
  return prefix.every((word, index) => word === ofAddress[index]);
}

/** 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(address: IpAddress): boolean {
  if (address.family === 4) return (address.words[0] ?? 0) >>> 24 === 127;
  return address.words.every((word, index) => word === (index === 3 ? 1 : 0));
}

/** Whether `text` is four octets, with nothing around them. */
export function isIpv4(text: string): boolean {
  return parseQuad(text) !== undefined;
}

/** Whether `text` is an IPv6 address, without brackets or scope. */
export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== undefined;
}

function parseUnmapped(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
    const word = parseQuad(bare);
    return word === undefined ? undefined : { family: 4, words: [word] };
  }
  const words = parseIpv6(stripBrackets(text));
  return words === undefined ? undefined : { family: 6, words };
}

function isMapped(address: IpAddress): boolean {
  const [first, second, third] = address.words;
  return address.family === 6 && first === 0 && second === 0 && third === 0xffff;
}

function stripBrackets(text: string): string {
  const inner = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const address = inner.slice(0, 5).toLowerCase() === "ipv6:" ? inner.slice(5) : inner;
  const scope = address.indexOf("%");
  return scope < 0 ? address : address.slice(0, scope);
}

/** `0177.0.0.1` is refused: it means different hosts to different readers. */
function parseQuad(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    const octet = parseDecimal(part, 255);
    if (octet === undefined) return undefined;
    word = word * 256 + octet;
  }
  return word;
}

function parseDecimal(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/u.test(text)) return undefined;
  const value = Number(text);
  return value > max ? undefined : value;
}

function parseIpv6(text: string): number[] | undefined {
  const gap = text.indexOf("::");
  if (gap < 0) return joinGroups(parseGroups(text), 8);
  // RFC 4291 §2.2: the dotted form is for the last 32 bits only.
  if (text.slice(0, gap).includes(".")) return undefined;
  const head = parseGroups(text.slice(0, gap));
  const tail = parseGroups(text.slice(gap + 2));
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // RFC 5952 §4.2.2 forbids writing it, RFC 4291 §2.2 has "::" stand for one or more groups.
  if (missing < 1) return undefined;
  return joinGroups([...head, ...Array<number>(missing).fill(0), ...tail], 8);
}

/** The 16-bit groups of `text`, where the last may be a dotted IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes(".")) {
      const quad = parseQuad(part);
      if (quad === undefined) return undefined;
      groups.push(quad >>> 16, quad & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/iu.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function joinGroups(groups: readonly number[] | undefined, count: number): number[] | undefined {
  if (groups?.length !== count) return undefined;
  const words: number[] = [];
  for (let at = 0; at < count; at += 2)
    words.push((groups[at] ?? 0) * 0x1_0000 + (groups[at + 1] ?? 0));
  return words;
}
