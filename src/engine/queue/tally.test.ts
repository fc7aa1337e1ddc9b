import assert from "node:assert/strict";
import { test } from "node:test";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import type { QueuedEnvelope } from "./show.ts";
import { MAX_GROUPS, Tally } from "./tally.ts";

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;

function queued(
  destination: string,
  ageMinutes: number,
  some: Partial<QueuedEnvelope> = {},
): QueuedEnvelope {
  return {
    message: {
      ...messageOf("0000000a", 1),
      reversePath: "a@b.example",
      acceptedAtMs: NOW_MS - ageMinutes * MINUTE_MS,
    },
    envelope: { ...localEnvelope("0000000a", "out", "u"), destination },
    reason: { kind: "retry", untilMs: NOW_MS + MINUTE_MS },
    retryCount: 1,
    lastTryAtMs: NOW_MS - MINUTE_MS,
    expiresAtMs: NOW_MS + MINUTE_MS,
    lastError: "",
    route: "relay out",
    ...some,
  };
}

function tallied(
  by: ConstructorParameters<typeof Tally>[0],
  all: readonly QueuedEnvelope[],
): Tally {
  const tally = new Tally(by);
  for (const each of all) tally.add(each, NOW_MS);
  return tally;
}

function lines(tally: Tally, limit?: number): readonly string[] {
  return [...tally.rows(limit)].map(({ line }) => line);
}

test("A tally by domain has the sum first, then the largest groups, and the ages in columns", () => {
  const tally = tallied("domain", [
    queued("x@small.example", 2),
    queued("a@Large.example", 4),
    queued("b@large.example", 30),
    queued("c@large.example", 300),
    queued("d@large.example", 1000),
    queued("e@large.example", 10_000),
  ]);
  assert.deepEqual(lines(tally), [
    "     total       <5m       <1h       <6h       <1d     older  domain",
    "         6         2         1         1         1         1  TOTAL",
    "         5         1         1         1         1         1  large.example",
    "         1         1         0         0         0         0  small.example",
  ]);
  assert.equal(lines(tally, 1).length, 3);
});

test("A tally has one JSON object for each group", () => {
  const [, , row] = [...tallied("from", [queued("a@b.example", 2)]).rows()];
  assert.deepEqual(JSON.parse(row?.json ?? ""), {
    by: "from",
    name: "a@b.example",
    envelopes: 1,
    ages: { under5m: 1, under1h: 0, under6h: 0, under1d: 0, older: 0 },
    oldestAtMs: NOW_MS - 2 * MINUTE_MS,
  });
});

test("A tally by reason does not tell times apart", () => {
  const tally = tallied("reason", [
    queued("a@b.example", 1, { reason: { kind: "retry", untilMs: NOW_MS + 1 } }),
    queued("a@b.example", 1, { reason: { kind: "retry", untilMs: NOW_MS + 999_999 } }),
    queued("a@b.example", 1, { reason: { kind: "paused", subsystem: "mta" } }),
  ]);
  assert.deepEqual(
    lines(tally).map((line) => line.replace(/^.*? {2}(?=\S+(?: \S+)?$)/u, "")),
    ["reason", "TOTAL", "retry", "paused mta"],
  );
});

test("A tally by what servers said cannot be broken by their words", () => {
  const tally = tallied("error", [
    queued("a@b.example", 1, { lastError: "451 \u001b[2J\r\n  7  forged é" }),
    queued("a@b.example", 1),
  ]);
  assert.deepEqual(
    lines(tally)
      .slice(2)
      .map((line) => line.slice(62)),
    ["-", "451 \\033[2J\\015\\012  7  forged \\303\\251"],
  );
});

test("A tally of the null sender shows it as the queue does", () => {
  const { message } = queued("a@b.example", 1);
  const bounce = queued("a@b.example", 1, { message: { ...message, reversePath: "" } });
  assert.match(lines(tallied("from", [bounce]))[2] ?? "", / {2}@$/u);
});

test("A tally of nothing is nothing", () => {
  assert.deepEqual(lines(new Tally("domain")), []);
});

test("A tally keeps a bounded number of groups apart, and loses no envelope", () => {
  const tally = new Tally("to");
  for (let at = 0; at < MAX_GROUPS + 500; at++) tally.add(queued(`u${at}@b.example`, 1), NOW_MS);
  const rows = [...tally.rows()];
  assert.equal(rows.length, MAX_GROUPS + 2);
  assert.match(rows[2]?.line ?? "", /^ +501 .* {2}\(others\)$/u);
  assert.match(rows[2]?.json ?? "", /"name":null,"envelopes":501/u);
});
