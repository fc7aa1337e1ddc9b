/**
 * The keys under which a name, an address or a mail address may stand in a table, the
 * most telling first. Whoever looks up asks for each in turn: a table in memory by one
 * map access each, a remote table in one question.
 *
 * Rules ask about the same recipient a thousand times over, so the forms of the last few
 * keys are remembered.
 */
import { type IpAddress, maskWords, parseIpAddress } from "#base/ip-address.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import { MAX_STORED_KEY_LENGTH } from "#model/table-database.ts";

/** OpenSMTPD's (table.c). A longer key is in no table. */
export const MAX_KEY_LENGTH: number = MAX_STORED_KEY_LENGTH;
/** A name of 255 octets has no more (RFC 1035 §2.3.4), so what has is no name of a host. */
const MAX_LABELS = 127;
/** What one question to a remote table may hold: the forms of a mail address are the most. */
export const MAX_REMOTE_KEYS = 512;

/** Keys that are looked up as they are, and all of them with those that hold a `*`. */
export interface KeyForms {
  readonly plain: readonly string[];
  readonly all: readonly string[];
}

const NO_KEYS: KeyForms = { plain: [], all: [] };

/** What the look-ups of one set of tables share. */
export interface KeyMemory {
  readonly domain: (name: string) => KeyForms;
  readonly mailaddr: (address: string) => KeyForms;
  readonly ip: (text: string) => IpAddress | undefined;
}

/** @param delimiter between user and tag in a local part. */
export function createKeyMemory(delimiter: string): KeyMemory {
  return {
    domain: remembering(domainKeys),
    mailaddr: remembering((address) => mailaddrKeys(address, delimiter)),
    ip: remembering(parseIpAddress),
  };
}

/** The name, `*.` before each of its parents, `*`. The empty name has none. */
export function domainKeys(name: string): KeyForms {
  if (name === "") return NO_KEYS;
  // A name with a star is not the pattern of the same text.
  const plain = name.includes("*") ? [] : [name];
  return { plain, all: [...plain, ...patternsOf(name)] };
}

/**
 * `user+tag@domain`, `user@domain`, the same with the patterns of the domain,
 * `user+tag`, `user`, `@domain`, its patterns, `@`. The tag counts only where an
 * entry has one. The null sender is "@".
 */
export function mailaddrKeys(address: string, delimiter: string): KeyForms {
  const { localPart, domain } = splitAddress(address);
  const users = usersOf(localPart, delimiter);
  const domains = domain === "" || domain.includes("*") ? [] : [domain];
  const patterns = patternsOf(domain);
  return {
    plain: [
      ...users.flatMap((user) => mailboxes(user, domains)),
      ...users,
      ...mailboxes("", domains),
      "@",
    ],
    all: [
      ...users.flatMap((user) => mailboxes(user, domains)),
      ...users.flatMap((user) => mailboxes(user, patterns)),
      ...users,
      ...mailboxes("", domains),
      ...mailboxes("", patterns),
      "@",
    ],
  };
}

function mailboxes(user: string, places: readonly string[]): readonly string[] {
  return places.map((place) => `${user}@${place}`);
}

/** The local part, and what stands before the delimiter in it. */
function usersOf(localPart: string, delimiter: string): readonly string[] {
  if (localPart === "") return [];
  const user = withoutTag(localPart, delimiter);
  return user === localPart ? [localPart] : [localPart, user];
}

/** `user` of `user+tag`; a local part that begins with the delimiter has no tag. */
export function withoutTag(localPart: string, delimiter: string): string {
  const end = localPart.indexOf(delimiter);
  return end <= 0 ? localPart : localPart.slice(0, end);
}

/** `*.b.c` and `*.c` for `a.b.c`, and `*`. */
function patternsOf(name: string): readonly string[] {
  if (name === "") return [];
  const patterns: string[] = [];
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    if (patterns.length === MAX_LABELS) return [];
    patterns.push(`*${name.slice(dot)}`);
  }
  patterns.push("*");
  return patterns;
}

/** The address, then each network that holds it: `ADDRESS/BITS`, the longest first. */
export function networkKeys(address: IpAddress): readonly string[] {
  const widthBits = address.words.length * 32;
  const keys = [formatWords(address.words)];
  for (let bits = widthBits; bits >= 0; bits--)
    keys.push(`${formatWords(maskWords(address, bits))}/${bits}`);
  return keys;
}

/** Text of an address: of an IPv6 one, the form of RFC 5952 §4. */
function formatWords(words: readonly number[]): string {
  const [first = 0] = words;
  if (words.length === 1)
    return [first >>> 24, (first >>> 16) & 255, (first >>> 8) & 255, first & 255].join(".");
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const gap = longestZeros(groups);
  if (gap.length < 2) return hexGroups(groups);
  return `${hexGroups(groups.slice(0, gap.start))}::${hexGroups(groups.slice(gap.start + gap.length))}`;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): {
  readonly start: number;
  readonly length: number;
} {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === 0) continue;
    if (at - start > longest.length) longest = { start, length: at - start };
    start = at + 1;
  }
  return longest;
}

/** `compute`, with its last two results kept: a rule asks about sender and recipient in turn. */
function remembering<Value>(compute: (key: string) => Value): (key: string) => Value {
  let older: { readonly key: string; readonly value: Value } | undefined;
  let newer: typeof older;
  return (key) => {
    if (newer?.key === key) return newer.value;
    if (older?.key === key) return older.value;
    older = newer;
    newer = { key, value: compute(key) };
    return newer.value;
  };
}
