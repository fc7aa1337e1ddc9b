import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { isLocal, sourceOf } from "./source.ts";

const SOCKET: Endpoint = { kind: "unix", path: "/run/x.sock" };

function tcp(host: string): Endpoint {
  return { kind: "tcp", host, port: 4025 };
}

test("a source is an IPv4 address, or an IPv6 /64 however it is written", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:db8:0:0:9::2", "2001:db8:0:0"],
    ["2001:db8:0:1::1", "2001:db8:0:1"],
    ["::1", "0:0:0:0"],
  ];
  for (const [host, source] of cases) assert.equal(sourceOf(tcp(host)), source, host);
  assert.equal(sourceOf(SOCKET), undefined, "a UNIX-domain peer has none");
});

test("sockets and loopback addresses are this machine, and nothing else is", () => {
  const hosts = ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.1", "::ffff:127.0.0.1", "1.127.0.1"];
  const local = hosts.map((host) => isLocal(tcp(host)));
  assert.deepEqual([...local, isLocal(SOCKET)], [true, true, true, false, false, false, true]);
});
