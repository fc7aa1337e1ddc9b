/**
 * Addresses that anybody may be sent to, told apart from those of our own network and machine.
 *
 * Of an address that leads to another one (6to4, Teredo, NAT64) nobody can say where it ends: it is
 * none of them.
 *
 * Source: RFC 6890 and its registries (not globally reachable); RFC 5771 (multicast).
 */
import { type IpAddress, type IpNetwork, networkHolds, parseIpNetwork } from "./ip-address.ts";

const NOT_PUBLIC: readonly IpNetwork[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
].flatMap((network) => parseIpNetwork(network) ?? []);

/** RFC 4291 §2.4: of IPv6 only these are unicast addresses of the world at large. */
const GLOBAL: readonly IpNetwork[] = ["2000::/3"].flatMap((each) => parseIpNetwork(each) ?? []);
const NOT_GLOBAL: readonly IpNetwork[] = [
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
].flatMap((network) => parseIpNetwork(network) ?? []);

export function isPublic(address: IpAddress): boolean {
  const isIn = (network: IpNetwork): boolean => networkHolds(network, address);
  if (address.family === 4) return !NOT_PUBLIC.some(isIn);
  return GLOBAL.some(isIn) && !NOT_GLOBAL.some(isIn);
}
