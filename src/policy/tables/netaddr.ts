/**
 * Networks: an address belongs to the longest prefix that covers it. Anything that
 * is not an address (`local`) is equal only to itself.
 *
 * One map for each prefix length that occurs, so the number of networks does not
 * matter. Source: OpenSMTPD table.c (table_netaddr_match).
 */
import { type IpAddress, type IpNetwork, maskWords, parseIpNetwork } from "#base/ip-address.ts";
import { ABSENT } from "#base/lookup.ts";
import type { LocalLookup } from "./answers.ts";
import type { KeyMemory } from "./key-forms.ts";
import { KeyIndex } from "./key-index.ts";

/** Numbers for IPv4, texts for IPv6: a number is found faster, and takes no memory of its own. */
type NetworkKey = number | string;

interface Prefix {
  readonly family: IpAddress["family"];
  readonly bits: number;
  /** Keys of the table, as written. */
  readonly entries: Map<NetworkKey, string>;
}

/** Keys are addresses, `ADDRESS/BITS` or words. */
export function compileNetworks(
  entries: ReadonlyMap<string, string>,
  memory: KeyMemory,
): LocalLookup {
  const prefixes: Prefix[] = [];
  const words = new Map<string, string>();
  for (const [key, value] of entries) {
    const network = parseIpNetwork(key);
    if (network === undefined) words.set(key, value);
    else addNetwork(prefixes, network, key);
  }
  prefixes.sort((left, right) => right.bits - left.bits);
  const index = new KeyIndex(words);
  return (text) => {
    const address = memory.ip(text);
    if (address === undefined) return index.get(text) ?? ABSENT;
    for (const { family, bits, entries: networks } of prefixes) {
      if (family !== address.family) continue;
      const entry = networks.get(networkKey(address, bits));
      if (entry !== undefined) return { kind: "found", value: entries.get(entry) ?? "", entry };
    }
    return ABSENT;
  };
}

function addNetwork(prefixes: Prefix[], network: IpNetwork, entry: string): void {
  const { family } = network.address;
  const bits = network.prefixBits;
  let prefix = prefixes.find((known) => known.family === family && known.bits === bits);
  if (prefix === undefined) {
    prefix = { family, bits, entries: new Map() };
    prefixes.push(prefix);
  }
  const key = networkKey(network.address, bits);
  // Two spellings of one network: the first counts.
  if (!prefix.entries.has(key)) prefix.entries.set(key, entry);
}

function networkKey(address: IpAddress, bits: number): NetworkKey {
  const [first = 0] = address.words;
  if (address.family === 4) return bits === 0 ? 0 : first & (0xffff_ffff << (32 - bits));
  return maskWords(address, bits).join(".");
}
