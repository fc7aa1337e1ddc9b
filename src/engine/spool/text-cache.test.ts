import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TextCache } from "./text-cache.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

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

test("cache keeps nothing of what was dropped, however much goes through it", async () => {
  const cache = new TextCache(1_000_000);
  const texts: WeakRef<Uint8Array>[] = [];
  for (let n = 0; n < 2000; n++) {
    const text = new Uint8Array(100);
    texts.push(new WeakRef(text));
    cache.put(String(n), [text]);
    if (n >= 10) cache.drop(String(n - 10));
  }
  for (let n = 1990; n < 2000; n++) cache.drop(String(n));
  // A WeakRef holds what it names to the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const kept = texts.filter((text) => text.deref() !== undefined).length;
  // Those of the last turns may still be on the stack.
  assert.ok(kept <= 20, `${kept} of ${texts.length} texts are kept`);
  assert.equal(cache.get("1999"), undefined);
});

test("cache forgets in the order in which texts came, also after many were dropped", () => {
  const cache = new TextCache(300);
  cache.put("first", [new Uint8Array(100)]);
  for (let n = 0; n < 500; n++) {
    cache.put(`passing ${n}`, [new Uint8Array(100)]);
    cache.drop(`passing ${n}`);
  }
  for (const msgid of ["second", "third"]) cache.put(msgid, [new Uint8Array(100)]);
  assert.equal(cache.get("first")?.length, 1);
  cache.put("fourth", [new Uint8Array(100)]);
  assert.equal(cache.get("first"), undefined);
  assert.equal(cache.get("second")?.length, 1);
});
