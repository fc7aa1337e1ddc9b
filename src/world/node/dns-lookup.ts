/**
 * How node:net finds the addresses of a host that a stranger has named: by our own resolver, as
 * getaddrinfo(3) has two threads for all of a process, and two names that nobody answers for would
 * hold up everybody else's.
 *
 * "public" leaves out addresses of our own network and machine, so that no stranger has us talk to
 * what only we can reach. What was looked at is what is connected to: a name that has another
 * address the next time gains nothing. Of many addresses a few of each family are tried, so that no
 * answer has us knock at thousands of machines.
 *
 * Source: RFC 8460 §3 (a domain names any web server); CWE-918.
 */
import { isIPv6, type LookupFunction } from "node:net";
import { parseIpAddress } from "#base/ip-address.ts";
import type { HostReach } from "#base/ports/http.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { isPublic } from "#base/public-address.ts";

/** Of one family: servers that have more are reached by any of them. */
export const MAX_TRIED_ADDRESSES = 4;

export function dnsLookup(resolver: Pick<Resolver, "addresses">, reach: HostReach): LookupFunction {
  return (name, options, found) => {
    void resolver.addresses(name).then((answer) => {
      if (answer.kind === "unavailable") return found(answer.cause, []);
      const all = answer.kind === "found" ? answer.value : [];
      const addresses = few(reach === "public" ? all.filter(isOutside) : all);
      const [first] = addresses;
      if (first === undefined) {
        const why = all.length === 0 ? "its name has no address" : NOT_OUTSIDE;
        return found(new Error(why), []);
      }
      if (options.all === true) return found(null, addresses);
      return found(null, first.address, first.family);
    });
  };
}

const NOT_OUTSIDE = "its name has no address outside our own network";

function isOutside(address: string): boolean {
  const parsed = parseIpAddress(address);
  return parsed !== undefined && isPublic(parsed);
}

interface AddressOfFamily {
  readonly address: string;
  readonly family: 4 | 6;
}

/** In their order. */
function few(addresses: readonly string[]): AddressOfFamily[] {
  const taken = { 4: 0, 6: 0 };
  return addresses
    .map((address): AddressOfFamily => ({ address, family: isIPv6(address) ? 6 : 4 }))
    .filter(({ family }) => ++taken[family] <= MAX_TRIED_ADDRESSES);
}
