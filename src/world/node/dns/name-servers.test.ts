import assert from "node:assert/strict";
import { test } from "node:test";
import { nameServers, trustsAd } from "./name-servers.ts";

const CASES: readonly (readonly [servers: readonly string[], isDeclared: boolean, are: boolean])[] =
  [
    [["127.0.0.1"], false, true],
    [["127.0.0.53", "::1"], false, true],
    [["[::1]:5353"], false, true],
    [["127.0.0.1", "192.0.2.1"], false, false],
    [["192.0.2.1"], false, false],
    [["192.0.2.1", "2001:db8::1"], true, true],
    [["2001:db8::1"], false, false],
  ];

for (const [servers, isDeclared, are] of CASES) {
  const declared = isDeclared ? ", declared so," : "";
  test(`name servers ${servers.join(" and ")}${declared} are ${are ? "" : "not "}trusted`, () => {
    assert.equal(nameServers(servers, isDeclared).areTrusted, are);
  });
}

test("name servers may have a port", () => {
  const { servers } = nameServers(["127.0.0.1:5353", "[2001:db8::1]:54", "2001:db8::2"], false);
  assert.deepEqual(servers, [
    { address: "127.0.0.1", port: 5353 },
    { address: "2001:db8::1", port: 54 },
    { address: "2001:db8::2", port: 53 },
  ]);
});

for (const [text, is] of [
  ["nameserver 192.0.2.1\noptions edns0 trust-ad\n", true],
  ["  options\ttrust-ad", true],
  ["options edns0", false],
  ["# options trust-ad", false],
  ["nameserver trust-ad", false],
  ["", false],
] as const) {
  test(`resolv.conf ${JSON.stringify(text)} ${is ? "declares" : "does not declare"} trust`, () => {
    assert.equal(trustsAd(text), is);
  });
}
