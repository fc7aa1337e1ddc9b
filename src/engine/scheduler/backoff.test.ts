import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LOCAL_BASE_MS, nextTryMs, RELAY_BASE_MS } from "./backoff.ts";

/** Offsets from acceptance, in seconds, of the tries that follow if each is deferred at once. */
function offsets(baseMs: number, tries: number): readonly number[] {
  const acceptedAtMs = 1_000_000;
  let nowMs = acceptedAtMs;
  const found: number[] = [];
  for (let retryCount = 1; retryCount <= tries; retryCount++) {
    nowMs = nextTryMs({ acceptedAtMs, baseMs, retryCount, nowMs });
    found.push((nowMs - acceptedAtMs) / 1000);
  }
  return found;
}

test("A relayed envelope is tried again 400, 1600, 3600, 6400, 10000 s after it was accepted", () => {
  assert.deepEqual(offsets(RELAY_BASE_MS, 7), [400, 1600, 3600, 6400, 10_000, 14_400, 19_600]);
});

test("A local envelope is tried again 10, 40, 90, 160, 250, 360 s after it was accepted", () => {
  assert.deepEqual(offsets(LOCAL_BASE_MS, 6), [10, 40, 90, 160, 250, 360]);
});

test("The next try is the first offset in the future that is not below the count of tries", () => {
  fc.assert(
    fc.property(fc.nat(40 * 86_400_000), fc.nat(100), (ageMs, retryCount) => {
      const query = { acceptedAtMs: 5, baseMs: LOCAL_BASE_MS, retryCount, nowMs: 5 + ageMs };
      let n = Math.max(1, retryCount);
      while (LOCAL_BASE_MS * n * n <= ageMs) n++;
      assert.equal(nextTryMs(query), 5 + LOCAL_BASE_MS * n * n);
    }),
  );
});
