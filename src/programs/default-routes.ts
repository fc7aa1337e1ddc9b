/**
 * Interfaces that have a default route, from the routing tables that Linux shows in
 * /proc/net: what `listen on egress` means.
 *
 * Source: Linux net/ipv4/fib_trie.c (fib_route_seq_show), net/ipv6/route.c
 * (rt6_info_route), include/uapi/linux/route.h (RTF_*).
 */

/** The route is usable. */
const RTF_UP = 0x0001;
/** It refuses what is sent there: Linux has one of these on "lo" for IPv6. */
const RTF_REJECT = 0x0200;

const ANY_IPV4 = "00000000";
const ANY_IPV6 = "0".repeat(32);

/** `route` is /proc/net/route, `ipv6Route` /proc/net/ipv6_route; one that is not there is "". */
export function defaultRouteInterfaces(route: string, ipv6Route: string): readonly string[] {
  const names = new Set<string>();
  for (const line of route.split("\n").slice(1)) {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask …
    const [name, destination, , flags, , , , mask] = line.trim().split(/\s+/u);
    if (destination !== ANY_IPV4 || mask !== ANY_IPV4) continue;
    if (name !== undefined && isUsable(flags)) names.add(name);
  }
  for (const line of ipv6Route.split("\n")) {
    // destination prefix source prefix next-hop metric references use flags name
    const words = line.trim().split(/\s+/u);
    const [destination, prefix] = words;
    if (destination !== ANY_IPV6 || prefix !== "00") continue;
    const name = words[9];
    if (name !== undefined && isUsable(words[8])) names.add(name);
  }
  return [...names];
}

function isUsable(flags: string | undefined): boolean {
  const bits = Number.parseInt(flags ?? "", 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0;
}
