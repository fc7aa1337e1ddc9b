import assert from "node:assert/strict";
import { test } from "node:test";
import type { Peer } from "#base/endpoint.ts";
import { isLocal, sourceOf } from "./source.ts";

const SOCKET: Peer = { kind: "unix", path: "/run/x.sock", user: undefined };

function tcp(host: string): Peer {
  return { kind: "tcp", host, port: 4025 };
}

test("a peer is counted by its network, and one on a socket is not", () => {
  assert.equal(sourceOf(tcp("2001:db8::1")), sourceOf(tcp("2001:db8:0:0:9::2")));
  assert.notEqual(sourceOf(tcp("2001:db8::1")), sourceOf(tcp("2001:db8:0:1::1")));
  assert.equal(sourceOf(SOCKET), undefined);
});

test("sockets and loopback addresses are this machine, and nothing else is", () => {
  const hosts = ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.1", "::ffff:127.0.0.1", "1.127.0.1"];
  const local = hosts.map((host) => isLocal(tcp(host)));
  assert.deepEqual([...local, isLocal(SOCKET)], [true, true, true, false, false, false, true]);
});
