import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Stage, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import {
  failed,
  gotThrough,
  MAX_ROUTES,
  penaltyAt,
  routeFaultOf,
  RouteMemory,
} from "./route-memory.ts";

const HOUR_MS = 3_600_000;

function at(host: string, port = 25): Endpoint {
  return { kind: "tcp", host, port };
}

function broken(stage: Stage, kind: "network" | "timeout" | "busy" | "loop" = "network"): Verdict {
  return { kind: "undecided", stage, fault: { kind, message: "Broken" } };
}

function refused(stage: Stage, code: number): Verdict {
  return { kind: "refused", stage, reply: { code, lines: ["No"] } };
}

const REFUSED = broken("CONNECT");

for (const [name, verdict, fault] of [
  ["cannot be reached", broken("CONNECT"), "network"],
  ["takes too long to answer", broken("CONNECT", "timeout"), "network"],
  ["greets with a refusal", refused("BANNER", 554), "smtp"],
  ["goes away before its greeting", broken("BANNER"), "smtp"],
  ["refuses EHLO", refused("EHLO", 421), "smtp"],
  ["never takes mail", refused("BANNER", 521), undefined],
  ["is ourselves", broken("BANNER", "loop"), undefined],
  ["has no name from us", broken("CONNECT", "busy"), undefined],
  ["refuses STARTTLS", refused("STARTTLS", 454), undefined],
  ["cannot shake hands", broken("TLS"), undefined],
  ["refuses our credentials", refused("AUTH", 535), undefined],
] as const) {
  test(`a server that ${name} says of its route: ${fault ?? "nothing"}`, () => {
    assert.equal(routeFaultOf(verdict), fault);
  });
}

test("a route that fails again and again is put aside for longer, an hour at most", () => {
  const route = new RouteMemory().use("", at("192.0.2.1"));
  let nowMs = 0;
  const pauses: number[] = [];
  for (let count = 0; count < 20; count++) {
    const forMs = failed(route, REFUSED, nowMs);
    pauses.push(forMs / 1000);
    nowMs += forMs;
  }
  assert.deepEqual(pauses.slice(0, 5), [15, 60, 135, 240, 375]);
  assert.deepEqual(pauses.slice(14), [3375, 3600, 3600, 3600, 3600, 3600]);
});

test("a connection that gets through takes one off the penalty, and so does each hour", () => {
  const route = new RouteMemory().use("", at("192.0.2.1"));
  for (let count = 0; count < 4; count++) failed(route, REFUSED, 0);
  assert.equal(route.isProven, false);
  assert.equal(gotThrough(route, 240_000), true);
  assert.deepEqual([route.penalty, route.errors, route.disabledUntilMs], [3, 0, 0]);
  route.ready--;
  assert.equal(route.isProven, true);
  assert.equal(penaltyAt(route, 240_000 + HOUR_MS), 2);
  assert.equal(failed(route, REFUSED, 240_000 + HOUR_MS), 135_000);
  assert.equal(gotThrough(route, 10 * HOUR_MS), true);
  assert.equal(route.penalty, 0);
  assert.equal(gotThrough(route, 10 * HOUR_MS), false);
});

test("what fails beside a connection that stands says nothing of the route", () => {
  const route = new RouteMemory().use("", at("192.0.2.1"));
  gotThrough(route, 0);
  assert.equal(failed(route, REFUSED, 0), 0);
  route.ready--;
  assert.equal(failed(route, REFUSED, 0), 15_000);
});

test("a route is put aside for its source alone", () => {
  const memory = new RouteMemory();
  failed(memory.use("192.0.2.7", at("192.0.2.1")), REFUSED, 0);
  assert.equal(memory.disabled("192.0.2.7", at("192.0.2.1"), 14_999)?.errors, 1);
  assert.equal(memory.disabled("192.0.2.7", at("192.0.2.1"), 15_000), undefined);
  assert.equal(memory.disabled("192.0.2.8", at("192.0.2.1"), 0), undefined);
  assert.equal(memory.disabled("192.0.2.7", at("192.0.2.2"), 0), undefined);
});

test("a server that fails at one port of an address says nothing of others at other ports", () => {
  const memory = new RouteMemory();
  failed(memory.use("", at("127.0.0.1", 10_024)), REFUSED, 0);
  assert.equal(memory.disabled("", at("127.0.0.1", 10_024), 0)?.place, "127.0.0.1:10024");
  assert.equal(memory.disabled("", at("127.0.0.1", 10_026), 0), undefined);
  assert.equal(memory.disabled("", at("127.0.0.1"), 0), undefined);
  assert.equal(memory.use("", at("127.0.0.1")).place, "127.0.0.1");
});

test("of too many routes those used last are known, and those with connections", () => {
  const memory = new RouteMemory();
  memory.use("", at("first")).open = 1;
  for (let count = 0; count < MAX_ROUTES; count++) memory.use("", at(`host ${count}`));
  const routes = memory.all();
  assert.equal(routes.length, MAX_ROUTES);
  assert.ok(routes.some(({ address }) => address === "first"));
  assert.equal(memory.known("", at("host 0")), undefined);
});
