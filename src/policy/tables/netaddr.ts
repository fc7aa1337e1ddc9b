/**
 * Networks: an address belongs to the longest prefix that covers it. Anything that
 * is not an address (`local`) is equal only to itself.
 *
 * One map for each prefix length that occurs, so the number of networks does not
 * matter. Source: OpenSMTPD table.c (table_netaddr_match).
 */
import {
  type IpAddress,
  type IpNetwork,
  maskWords,
  parseIpAddress,
  parseIpNetwork,
} from "#base/ip-address.ts";
import { ABSENT, type Lookup } from "#base/lookup.ts";

interface Prefix {
  readonly family: IpAddress["family"];
  readonly bits: number;
  readonly answers: Map<string, Lookup<string>>;
}

/** `answers` by address, `ADDRESS/BITS` or word, in lower case. */
export function compileNetworks(
  answers: ReadonlyMap<string, Lookup<string>>,
): (address: string) => Lookup<string> {
  const prefixes: Prefix[] = [];
  const words = new Map<string, Lookup<string>>();
  for (const [text, answer] of answers) {
    const network = parseIpNetwork(text);
    if (network === undefined) words.set(text, answer);
    else addNetwork(prefixes, network, answer);
  }
  prefixes.sort((left, right) => right.bits - left.bits);
  return (text) => {
    const address = parseIpAddress(text);
    if (address === undefined) return words.get(text) ?? ABSENT;
    for (const { family, bits, answers: networks } of prefixes) {
      if (family !== address.family) continue;
      const answer = networks.get(networkKey(address, bits));
      if (answer !== undefined) return answer;
    }
    return ABSENT;
  };
}

function addNetwork(prefixes: Prefix[], network: IpNetwork, answer: Lookup<string>): void {
  const { family } = network.address;
  const bits = network.prefixBits;
  let prefix = prefixes.find((known) => known.family === family && known.bits === bits);
  if (prefix === undefined) {
    prefix = { family, bits, answers: new Map() };
    prefixes.push(prefix);
  }
  const key = networkKey(network.address, bits);
  // Two spellings of one network: the first counts.
  if (!prefix.answers.has(key)) prefix.answers.set(key, answer);
}

function networkKey(address: IpAddress, bits: number): string {
  return maskWords(address, bits).join(".");
}
