import assert from "node:assert/strict";
import { test } from "node:test";
import { HostMemory, MAX_DOMAINS, MAX_HOSTS } from "./host-memory.ts";

const HOUR_MS = 3_600_000;

test("what a domain said last is known for four hours", () => {
  const memory = new HostMemory();
  memory.said("a.example", "250 Ok", HOUR_MS);
  memory.said("b.example", "451 Later", 2 * HOUR_MS);
  memory.said("a.example", "550 No", 3 * HOUR_MS);
  const said = (nowMs: number): readonly string[] =>
    memory.domains(nowMs).map(({ domain, atMs, status }) => `${domain} ${atMs} ${status}`);
  assert.deepEqual(said(6 * HOUR_MS - 1), [
    `b.example ${2 * HOUR_MS} 451 Later`,
    `a.example ${3 * HOUR_MS} 550 No`,
  ]);
  assert.deepEqual(said(6 * HOUR_MS), [`a.example ${3 * HOUR_MS} 550 No`]);
});

test("domains that were heard of last come last, whichever were known first", () => {
  const memory = new HostMemory();
  for (const [domain, atMs] of [
    ["a.example", 1],
    ["b.example", 2],
    ["a.example", 3],
  ] as const)
    memory.said(domain, "250 Ok", HOUR_MS + atMs);
  assert.deepEqual(
    memory.domains(HOUR_MS).map(({ domain }) => domain),
    ["b.example", "a.example"],
  );
});

test("of too many domains those heard of last are known", () => {
  const memory = new HostMemory();
  for (let at = 0; at <= MAX_DOMAINS; at++) memory.said(`d${at}.example`, "250 Ok", HOUR_MS + at);
  const domains = new Set(memory.domains(HOUR_MS).map(({ domain }) => domain));
  assert.ok(domains.size <= MAX_DOMAINS && domains.size > MAX_DOMAINS / 2);
  assert.ok(!domains.has("d0.example") && domains.has(`d${MAX_DOMAINS}.example`));
});

test("of too many hosts those used last are known, and those with connections", () => {
  const memory = new HostMemory();
  memory.use("first").open = 1;
  for (let at = 0; at < MAX_HOSTS; at++) memory.use(`host ${at}`);
  assert.equal(memory.hosts().length, MAX_HOSTS);
  assert.ok(memory.known("first") !== undefined && memory.known("host 0") === undefined);
});
