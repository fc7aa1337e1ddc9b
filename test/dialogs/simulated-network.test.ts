/**
 * Every dialog over the simulated network, with delay and chunks as a seed draws
 * them; the client waits for each line. Time is virtual.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimWorld } from "#world/sim/world.ts";
import type { Dialog } from "#test/support/dialog.ts";
import { DialogClient } from "#test/support/dialog-client.ts";
import { readDialogs } from "#test/support/dialog-files.ts";
import { checkReplies, checkStored } from "#test/support/dialog-outcome.ts";
import { startDialogServer } from "#test/support/dialog-server.ts";

const SEEDS = [1, 2, 3] as const;
/** Longer than any dialog lasts, in simulated time. */
const MAX_MS = 3_600_000;

for (const dialog of readDialogs()) {
  test(`${dialog.path} goes as written over a simulated network`, async () => {
    for (const seed of SEEDS) await play(dialog, seed);
  });
}

async function play(dialog: Dialog, seed: number): Promise<void> {
  const how = `seed ${seed}`;
  const world = new SimWorld(seed);
  const { clock, network } = world;
  const started = startDialogServer(dialog, world);
  const { endpoint } = started.listener;
  const listening = await network.listen(endpoint, (connection) => started.accept(connection));
  assert.ok(!("code" in listening), "the simulated network listens");
  const opened = await clock.runUntilSettled(
    network.connect(endpoint, { timeoutMs: 1000 }),
    MAX_MS,
  );
  assert.ok(!("code" in opened), "the simulated network connects");
  const client = new DialogClient(opened);
  await clock.runUntilSettled(
    client.play(dialog, async (ms) => passed(ms)),
    MAX_MS,
  );
  checkReplies(dialog, client.received, how);
  assert.equal(client.isClosed, dialog.closes, `${dialog.path}: the server ends it (${how})`);
  client.leave();
  await clock.runUntilIdle(MAX_MS);
  checkStored(dialog, started, how);
  assert.equal(started.server.sessionCount, 0, `${dialog.path}: sessions left (${how})`);

  function passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      clock.after(ms, resolve);
    });
  }
}
