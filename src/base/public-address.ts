/**
 * Addresses of our own networks and machine, and those that anybody may be sent to, told apart.
 *
 * Of an address that leads to another one (6to4, Teredo, NAT64) nobody can say where it ends: it is
 * neither.
 *
 * Source: RFC 6890 and its registries (not globally reachable); RFC 5771 (multicast).
 */
import { type IpAddress, type IpNetwork, networkHolds, parseIpNetwork } from "./ip-address.ts";

/** RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291: many networks have them, and none is reached by them from outside. */
const PRIVATE: readonly IpNetwork[] = networks(
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::/127",
  "fc00::/7",
  "fe80::/10",
);

/** Nobody's: protocols, documentation, benchmarks, multicast; and what leads elsewhere. */
const SPECIAL: readonly IpNetwork[] = networks(
  "192.0.0.0/24",
  "192.0.2.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
);

/** RFC 4291 §2.4: of IPv6 only these are unicast addresses of the world at large. */
const GLOBAL_IPV6: readonly IpNetwork[] = networks("2000::/3");

/** Nobody reaches it from outside. */
export function isPrivate(address: IpAddress): boolean {
  return isIn(PRIVATE, address);
}

/** A stranger may have us talk to it. */
export function isPublic(address: IpAddress): boolean {
  if (isPrivate(address) || isIn(SPECIAL, address)) return false;
  return address.family === 4 || isIn(GLOBAL_IPV6, address);
}

function isIn(among: readonly IpNetwork[], address: IpAddress): boolean {
  return among.some((network) => networkHolds(network, address));
}

function networks(...texts: readonly string[]): readonly IpNetwork[] {
  return texts.flatMap((text) => parseIpNetwork(text) ?? []);
}
