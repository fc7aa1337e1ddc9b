import assert from "node:assert/strict";
import { test } from "node:test";
import { TextCache } from "./text-cache.ts";

test("cache forgets the oldest texts when it is full", () => {
  const cache = new TextCache(250);
  for (const msgid of ["a", "b", "c"]) cache.put(msgid, [new Uint8Array(60), new Uint8Array(40)]);
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.get("b")?.length, 2);
  assert.equal(cache.get("c")?.length, 2);
});

test("cache does not keep a text that is larger than itself", () => {
  const cache = new TextCache(10);
  cache.put("a", [new Uint8Array(11)]);
  assert.equal(cache.get("a"), undefined);
});

test("cache has room again after a text was dropped or put twice", () => {
  const cache = new TextCache(100);
  cache.put("a", [new Uint8Array(90)]);
  cache.put("a", [new Uint8Array(80)]);
  cache.drop("a");
  cache.put("b", [new Uint8Array(100)]);
  assert.equal(cache.get("b")?.[0]?.length, 100);
});

test("cache keeps no large buffer alive for a small view of it", () => {
  const cache = new TextCache(100);
  cache.put("a", [new Uint8Array(1000).subarray(0, 10)]);
  assert.equal(cache.get("a")?.[0]?.buffer.byteLength, 10);
});
