/**
 * The endpoints behind a next hop: its addresses by DNS, MAX_ADDRESSES at most, or itself
 * where nothing needs to be looked up.
 *
 * The families take turns, the one that the resolver has first in front, so that a family
 * that leads nowhere costs one wait, not one for each of its addresses. (RFC 8305 §4.)
 */
import type { Endpoint } from "#base/endpoint.ts";
import { isIpv6, parseIpAddress } from "#base/ip-address.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { type NextHop, type NoRoute, noRoute } from "./next-hops.ts";

/** Addresses of one host that are tried. */
const MAX_ADDRESSES = 8;

/** A server that may have several addresses, or needs none (a UNIX-domain socket). */
export type Addressed = Pick<NextHop, "endpoint">;

export type HopAddresses =
  | {
      readonly kind: "addresses";
      readonly endpoints: readonly Endpoint[];
      /** They are signed, with every alias on the way to them. */
      readonly isSecure: boolean;
      /** The name that has them: the host's, or where its aliases end. */
      readonly owner: string;
    }
  | { readonly kind: "absent" }
  | NoRoute;

export async function addressesOf(resolver: Resolver, hop: Addressed): Promise<HopAddresses> {
  const { endpoint } = hop;
  if (endpoint.kind === "unix" || parseIpAddress(endpoint.host) !== undefined) {
    return { kind: "addresses", endpoints: [endpoint], isSecure: false, owner: "" };
  }
  const answer = await resolver.addresses(endpoint.host);
  switch (answer.kind) {
    case "found": {
      const { port } = endpoint;
      const endpoints = inTurn(answer.value)
        .slice(0, MAX_ADDRESSES)
        .map((host) => ({ kind: "tcp", host, port }) as const);
      const { isSecure, owner } = answer;
      return { kind: "addresses", endpoints, isSecure, owner };
    }
    case "absent":
      return answer;
    case "unavailable":
      return noRoute("deferred", "4.4.3", "Temporary failure in address lookup");
    default:
      return unreachable(answer);
  }
}

function inTurn(addresses: readonly string[]): readonly string[] {
  const firstIsIpv6 = isIpv6(addresses[0] ?? "");
  const first = addresses.filter((address) => isIpv6(address) === firstIsIpv6);
  const second = addresses.filter((address) => !first.includes(address));
  const longer = Math.max(first.length, second.length);
  return Array.from({ length: longer }, (_, at) => [first[at], second[at]])
    .flat()
    .filter((address) => address !== undefined);
}
