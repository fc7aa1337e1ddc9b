import assert from "node:assert/strict";
import { test } from "node:test";
import { Unreached, wasUnreached } from "./unreached.ts";

test("The latest of a route come back when it is reached, once, and none of other routes", () => {
  const unreached = new Unreached(2);
  for (const evpid of ["1", "2", "3", "2"]) unreached.add("a", evpid);
  unreached.add("b", "4");
  assert.deepEqual(unreached.reached("a"), ["3", "2"]);
  assert.deepEqual(unreached.reached("a"), []);
  assert.deepEqual(unreached.reached("b"), ["4"]);
});

test("Who was answered since, and put off, does not come back when others get through", () => {
  const unreached = new Unreached(2);
  for (const evpid of ["1", "2"]) unreached.add("a", evpid);
  unreached.answered("a", "1");
  unreached.answered("b", "2");
  assert.deepEqual(unreached.reached("a"), ["2"]);
});

test("With `mta max-deferred 0` nothing is remembered, from a reload on too", () => {
  const unreached = new Unreached(1);
  unreached.add("a", "1");
  unreached.takeUp(0);
  unreached.add("a", "2");
  assert.deepEqual(unreached.reached("a"), []);
});

test("However many routes fail, those are remembered that failed last", () => {
  const unreached = new Unreached(1);
  for (let at = 0; at < 20_000; at++) unreached.add(String(at), "1");
  assert.deepEqual(unreached.reached("9999"), []);
  assert.deepEqual(unreached.reached("10000"), ["1"]);
});

test("A server that answers was reached, whatever it says", () => {
  const result = { evpid: "", diagnostic: "", remote: "" };
  const table = [
    ["deferred", "4.4.1", true],
    ["deferred", "4.4.3", true],
    ["deferred", "4.7.1", false],
    ["deferred", "4.2.2", false],
    ["failed", "5.4.4", false],
  ] as const;
  for (const [outcome, status, expected] of table) {
    assert.equal(wasUnreached({ ...result, outcome, status }), expected, status);
  }
});
