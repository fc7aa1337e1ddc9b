import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceNetwork } from "./source-network.ts";

test("a source is an IPv4 address, or an IPv6 /64 however it is written", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["2001:db8::1", "20010db8:0"],
    ["2001:0DB8:0:0:9::2", "20010db8:0"],
    ["2001:db8:0:1::1", "20010db8:1"],
    ["::1", "0:0"],
    ["local", "local"],
  ];
  for (const [address, source] of cases) {
    assert.equal(sourceNetwork(address), source, address);
  }
});
