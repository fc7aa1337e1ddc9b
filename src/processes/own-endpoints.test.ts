import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { configOf } from "#test/support/config-of.ts";
import { ownEndpoints } from "./own-endpoints.ts";

const OWN = ["127.0.0.1", "192.0.2.1", "2001:db8::1"];

function at(host: string, port = 25): Endpoint {
  return { kind: "tcp", host, port };
}

const CASES: readonly (readonly [listen: string, endpoint: Endpoint, isOurs: boolean])[] = [
  ["listen on 192.0.2.1", at("192.0.2.1"), true],
  ["listen on 192.0.2.1", at("127.0.0.1"), false],
  ["listen on 192.0.2.1", at("192.0.2.2"), false],
  ["listen on 192.0.2.1 port 2525", at("192.0.2.1"), false],
  ["listen on 0.0.0.0", at("192.0.2.1"), true],
  ["listen on 0.0.0.0", at("192.0.2.2"), false],
  ["listen on socket", at("192.0.2.1"), false],
  ["listen on 192.0.2.1", { kind: "unix", path: "/run/x.sock" }, false],
];

for (const [listen, endpoint, isOurs] of CASES) {
  const where = endpoint.kind === "unix" ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
  test(`mail for ${where} ${isOurs ? "comes back" : "does not come back"} to a daemon with '${listen}'`, () => {
    const config = configOf(listen, 'action "out" relay', 'match from local for any action "out"');
    assert.equal(ownEndpoints(config, OWN)(endpoint), isOurs);
  });
}
