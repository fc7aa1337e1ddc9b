import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { ROOM_LOOK_MS, ROOM_WATCH_MS, RoomWatch } from "./room-watch.ts";

const MIB = 2 ** 20;

/** A watch over a disk whose free bytes the test sets. */
function watched() {
  const clock = new SimClock();
  const disk = { freeBytes: Infinity };
  const told: number[] = [];
  const watch = new RoomWatch(
    clock,
    (bytes) => bytes <= disk.freeBytes,
    (freeBytes) => told.push(freeBytes),
  );
  return { clock, disk, told, watch };
}

test("room that grows short is told as the largest size that fits, and again when it is back", async () => {
  const { clock, disk, told, watch } = watched();
  assert.equal(watch.told, 4096 * MIB);
  disk.freeBytes = 20 * MIB;
  await clock.advance(ROOM_LOOK_MS);
  disk.freeBytes = 0;
  await clock.advance(ROOM_LOOK_MS);
  disk.freeBytes = Infinity;
  await clock.advance(ROOM_LOOK_MS);
  assert.deepEqual(told, [16 * MIB, 0, 4096 * MIB]);
});

test("what is told is more than half of the room", async () => {
  const { clock, disk, told } = watched();
  for (const freeBytes of [12 * MIB, 3 * MIB, MIB / 2]) {
    disk.freeBytes = freeBytes;
    await clock.advance(ROOM_LOOK_MS);
  }
  assert.deepEqual(told, [8 * MIB, 2 * MIB, MIB / 2]);
});

test("short room is looked at until there is plenty", async () => {
  const { clock, disk, told } = watched();
  disk.freeBytes = MIB;
  await clock.advance(600_000);
  assert.deepEqual(told, [MIB]);
  disk.freeBytes = Infinity;
  await clock.advance(ROOM_LOOK_MS);
  assert.equal(told.at(-1), 4096 * MIB);
});

test("an idle queue sets no timer, and the next message wakes the watch", async () => {
  const { clock, disk, told, watch } = watched();
  await clock.advance(ROOM_WATCH_MS + ROOM_LOOK_MS);
  assert.equal(clock.pendingTimers, 0);
  disk.freeBytes = 0;
  watch.touched();
  watch.touched();
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(ROOM_LOOK_MS);
  assert.deepEqual(told, [0]);
});
