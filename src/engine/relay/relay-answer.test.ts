import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_REPORTED } from "#model/relay-report.ts";
import { ConnectionLimits } from "#engine/client/connection-limits.ts";
import { SimClock } from "#world/sim/clock.ts";
import { HostMemory } from "./host-memory.ts";
import { answer } from "./relay-answer.ts";
import { RelayTable } from "./relay-table.ts";
import { RouteMemory } from "./route-memory.ts";

const NOW_MS = 1_000_000;

test("of too many domains those that said something last are shown, whichever came first", () => {
  const hosts = new HostMemory();
  for (let at = 0; at <= MAX_REPORTED; at++) hosts.said(`d${at}.example`, "250 Ok", NOW_MS + at);
  hosts.said("d0.example", "451 Later", NOW_MS + MAX_REPORTED + 1);
  const remembered = {
    hosts,
    routes: new RouteMemory(),
    relays: new RelayTable(),
    limits: new ConnectionLimits(new SimClock()),
  };
  const told = answer("domains", remembered, { monotonicMs: 0, wallMs: NOW_MS });
  assert.ok(told.kind === "domains", "it is what was asked for");
  const shown = new Set(told.domains.map(({ domain }) => domain));
  assert.deepEqual([shown.size, told.leftOut], [MAX_REPORTED, 1]);
  assert.ok(shown.has("d0.example") && !shown.has("d1.example"), "the oldest is left out");
});
