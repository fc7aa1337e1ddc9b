/**
 * Addresses of a name that a stranger chose: those of our own network and machine are left out,
 * so that no stranger has us talk to what only we can reach. It is what is connected to, so that
 * a name that has another address the next time gains nothing.
 *
 * Source: RFC 8460 §3 (a domain names any web server); CWE-918.
 */
import { lookup as lookUp, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { parseIpAddress } from "#base/ip-address.ts";
import { isPublic } from "#base/public-address.ts";

/** As getaddrinfo(3) has them. */
export type AddressesOf = (
  name: string,
  options: { readonly all: true },
  found: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

export function publicLookup(addressesOf: AddressesOf = lookUp): LookupFunction {
  return (name, options, found) => {
    addressesOf(name, { ...options, all: true }, (error, addresses) => {
      const open = error === null ? addresses.filter(isOpen) : [];
      const [first] = open;
      if (first === undefined) found(error ?? new Error(NOT_OUTSIDE), []);
      else if (options.all === true) found(null, open);
      else found(null, first.address, first.family);
    });
  };
}

const NOT_OUTSIDE = "its name has no address outside our own network";

function isOpen({ address }: LookupAddress): boolean {
  const parsed = parseIpAddress(address);
  return parsed !== undefined && isPublic(parsed);
}
