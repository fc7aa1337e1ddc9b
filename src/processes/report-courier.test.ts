import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReportLetter } from "#model/ipc/tls-report-link.ts";
import { SimWorld } from "#world/sim/world.ts";
import type { LookupLink } from "./answer-lookups.ts";
import { ReportCourier } from "./report-courier.ts";

const LETTER = {} as ReportLetter;

function nothing(): void {}

function queue(): LookupLink {
  return { congested: false, start: nothing, send: nothing, end: nothing, destroy: nothing };
}

test("what an old queue took is for later when it is lost, and what a newer one has is not", async () => {
  const { clock } = new SimWorld(1);
  const courier = new ReportCourier(clock);
  const [old, newer] = [queue(), queue()];
  courier.linked(old);
  const first = courier.post(LETTER);
  courier.linked(newer);
  const second = courier.post(LETTER);
  courier.lost(old);
  assert.equal(await first, "later");
  courier.ended(2, "taken");
  assert.equal(await second, "taken");
  assert.equal(clock.pendingTimers, 0);
});

test("without a queue a report is for later", async () => {
  const courier = new ReportCourier(new SimWorld(1).clock);
  assert.equal(await courier.post(LETTER), "later");
});
