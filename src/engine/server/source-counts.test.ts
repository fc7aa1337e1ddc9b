import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceCounts } from "./source-counts.ts";

function tcp(host: string): { readonly kind: "tcp"; readonly host: string; readonly port: number } {
  return { kind: "tcp", host, port: 4025 };
}

test("source counts go up to their limit and down again", () => {
  const counts = new SourceCounts();
  const first = [counts.enter(tcp("192.0.2.1"), 1), counts.enter(tcp("192.0.2.1"), 1)];
  counts.leave(tcp("192.0.2.1"));
  assert.deepEqual([...first, counts.enter(tcp("192.0.2.1"), 1)], [true, false, true]);
});

test("source counts take an IPv6 /64 as one source, however it is written", () => {
  const counts = new SourceCounts();
  const entered = ["2001:db8::1", "2001:db8:0:0:9::2", "2001:db8:0:1::1", "::1", "::2"].map(
    (host) => counts.enter(tcp(host), 1),
  );
  assert.deepEqual(entered, [true, false, true, true, false]);
});

test("source counts leave UNIX-domain peers alone", () => {
  const counts = new SourceCounts();
  const peer = { kind: "unix", path: "/run/x.sock" } as const;
  assert.deepEqual([counts.enter(peer, 0), counts.enter(peer, 0)], [true, true]);
});
