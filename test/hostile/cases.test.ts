/** Every hostile case in one process: over the simulated network, on virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allQueued } from "#test/support/queued.ts";
import { type HostileCase, readCases } from "./case.ts";
import { judge } from "./judge.ts";
import { Scene } from "./scene.ts";

/** RFC 5321 has no number; a client that waits longer has been disturbed. */
const GOOD_CLIENT_WITHIN_MS = 2000;

for (const hostile of readCases()) {
  test(hostile.name, () => play(hostile));
}

async function play(hostile: HostileCase): Promise<void> {
  const scene = await Scene.start();
  const client = await scene.client();
  const startedMs = performance.now();
  const played = await scene.run(client.play(hostile));
  const tookMs = performance.now() - startedMs;
  client.leave();
  const { clock } = scene.world;
  await clock.advance(1000);
  const { stored, log } = scene;
  // Virtual time knows nothing of slow code: the case is held to real time as well.
  judge(hostile, { played: { ...played, slowestMs: tookMs }, stored, log });
  assert.equal(scene.server.sessionCount, 0, "sessions left");
  assert.equal((await allQueued(scene.queue)).length, 0, "envelopes left");
  const beforeMs = clock.monotonicMs();
  assert.match(await scene.sendsMail(), /^250 /, "an honest client after it");
  assert.ok(clock.monotonicMs() - beforeMs < GOOD_CLIENT_WITHIN_MS, "an honest client waits");
}
