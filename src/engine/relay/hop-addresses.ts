/**
 * The endpoints behind a next hop: its addresses by DNS, in the resolver's order and
 * MAX_ADDRESSES at most, or itself where nothing needs to be looked up.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { type NextHop, type NoRoute, noRoute } from "./next-hops.ts";

/** Addresses of one host that are tried. */
const MAX_ADDRESSES = 8;

export type HopAddresses =
  | { readonly kind: "addresses"; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: "absent" }
  | NoRoute;

export async function addressesOf(resolver: Resolver, hop: NextHop): Promise<HopAddresses> {
  const { endpoint } = hop;
  if (endpoint.kind === "unix" || parseIpAddress(endpoint.host) !== undefined) {
    return { kind: "addresses", endpoints: [endpoint] };
  }
  const answer = await resolver.addresses(endpoint.host);
  switch (answer.kind) {
    case "found": {
      const { port } = endpoint;
      const endpoints = answer.value
        .slice(0, MAX_ADDRESSES)
        .map((host) => ({ kind: "tcp", host, port }) as const);
      return { kind: "addresses", endpoints };
    }
    case "absent":
      return answer;
    case "unavailable":
      return noRoute("deferred", "4.4.3", "Temporary failure in address lookup");
    default:
      return unreachable(answer);
  }
}
