/** What the header of a proxy says, whatever its version. */
import { type Endpoint, type Peer, unasked } from "#base/endpoint.ts";
import { isLoopback, parseIpAddress } from "#base/ip-address.ts";

/** The ends of the connection that the proxy passes on. */
export interface ProxiedEnds {
  readonly remote: Peer;
  readonly local: Endpoint;
}

export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "fault"; readonly why: string }
  /** `length` octets long; `ends` is undefined where the proxy speaks for itself, or does not know. */
  | {
      readonly kind: "header";
      readonly length: number;
      readonly ends: ProxiedEnds | undefined;
    };

export const MORE: ProxyHeader = Object.freeze({ kind: "more" });

export function fault(why: string): ProxyHeader {
  return { kind: "fault", why };
}

/** The header, or why its addresses cannot be a client's. */
export function proxied(length: number, remote: Endpoint, local: Endpoint): ProxyHeader {
  // "Local" is who is on this machine; the proxy's loopback is another's.
  if (remote.kind === "tcp" && isNobody(remote.host))
    return fault("a client that is said to be on this machine");
  return { kind: "header", length, ends: { remote: unasked(remote), local } };
}

function isNobody(host: string): boolean {
  const address = parseIpAddress(host);
  return address === undefined || isLoopback(address) || address.words.every((word) => word === 0);
}
