import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { type ProcessMemory, SpareMemory } from "./spare-memory.ts";

const MIB: number = 1024 * 1024;

/** A process of 40 MiB, that is down to that after each collection. */
class Scene {
  readonly clock: SimClock = new SimClock();
  residentMib = 40;
  collections = 0;
  readonly spare: SpareMemory;

  constructor() {
    const memory: ProcessMemory = {
      residentBytes: () => this.residentMib * MIB,
      collect: () => {
        this.collections++;
        this.residentMib = 40;
      },
    };
    this.spare = new SpareMemory(this.clock, memory);
  }

  /** Starts, and is at rest. */
  static async started(): Promise<Scene> {
    const scene = new Scene();
    scene.spare.started();
    await scene.clock.advance(2_000);
    assert.equal(scene.collections, 1);
    return scene;
  }
}

test("the start's garbage is collected, also where there is work already", async () => {
  const scene = new Scene();
  scene.spare.started();
  scene.spare.worked();
  await scene.clock.advance(1_999);
  assert.equal(scene.collections, 0);
  await scene.clock.advance(1);
  assert.equal(scene.collections, 1);
});

test("work is not disturbed, and what it has used is collected when it has rested for 5 s", async () => {
  const scene = await Scene.started();
  for (let second = 0; second < 60; second++) {
    scene.residentMib += 1;
    scene.spare.worked();
    await scene.clock.advance(1_000);
  }
  assert.equal(scene.collections, 1);
  await scene.clock.advance(10_000);
  assert.equal(scene.collections, 2);
});

test("a little is not worth it, until it has become much", async () => {
  const scene = await Scene.started();
  for (let message = 0; message < 3; message++) {
    scene.spare.worked();
    scene.residentMib += 5;
    await scene.clock.advance(60_000);
    assert.equal(scene.collections, 1);
  }
  scene.spare.worked();
  scene.residentMib += 1;
  await scene.clock.advance(60_000);
  assert.equal(scene.collections, 2);
});

test("no timer runs while nothing is done", async () => {
  const scene = await Scene.started();
  scene.residentMib = 400;
  await scene.clock.advance(3_600_000);
  assert.equal(scene.collections, 1);
  assert.equal(scene.clock.pendingTimers, 0);
});
