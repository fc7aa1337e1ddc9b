/** Interfaces with a default route, as Linux lists its routes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRouteInterfaces } from "./default-routes.ts";

const HEAD =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const ZERO = "0".repeat(32);

const ipv4 = (...routes: readonly string[]): string => HEAD + routes.join("\n");

const cases: readonly (readonly [why: string, route: string, ipv6: string, names: string[]])[] = [
  ["no routes at all", "", "", []],
  [
    "one default route",
    ipv4("eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0"),
    "",
    ["eth0"],
  ],
  [
    "a route to a network",
    ipv4("eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"),
    "",
    [],
  ],
  // 0.0.0.0/1, as VPNs set it, is half of the Internet and no default route.
  [
    "half of all addresses",
    ipv4("tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0"),
    "",
    [],
  ],
  [
    "a route that is down",
    ipv4("eth0\t00000000\t0102000A\t0002\t0\t0\t0\t00000000\t0\t0\t0"),
    "",
    [],
  ],
  [
    "two of IPv4, one of them over IPv6 too",
    ipv4(
      "eth0\t00000000\t0102000A\t0003\t0\t0\t100\t00000000\t0\t0\t0",
      "wlan0\t00000000\t0102000A\t0003\t0\t0\t600\t00000000\t0\t0\t0",
    ),
    `${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n`,
    ["eth0", "wlan0"],
  ],
  [
    "the refusing route that Linux has on lo",
    "",
    `${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 00000001 00000000 00200200 lo\n`,
    [],
  ],
  ["text that is no list of routes", "nonsense\n\n00000000", "00 00", []],
];

for (const [why, route, ipv6, names] of cases) {
  test(`with ${why}, egress is ${names.join(" and ") || "nothing"}`, () => {
    assert.deepEqual(defaultRouteInterfaces(route, ipv6), names);
  });
}
