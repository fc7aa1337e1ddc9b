import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { Room } from "./room.ts";

function roomOn(capacityBytes: number) {
  const clock = new SimClock();
  const disk = new SimDisk(clock, simRandom(1), { capacityBytes });
  disk.plantFolder("/spool");
  const room = new Room({ files: disk.files(), clock, folder: "/spool" }, 100);
  return { clock, disk, room };
}

test("room leaves the reserve alone", async () => {
  const { room } = roomOn(1000);
  await room.refresh();
  assert.equal(room.has(900), true);
  assert.equal(room.has(901), false);
});

test("room counts what was written since it asked", async () => {
  const { room } = roomOn(1000);
  await room.refresh();
  room.spend(500);
  assert.equal(room.has(400), true);
  assert.equal(room.has(401), false);
});

test("room asks the file system once a second at most", async () => {
  const { clock, disk, room } = roomOn(1000);
  for (let asked = 0; asked < 100; asked++) room.has(1);
  await clock.advance(999);
  room.has(1);
  assert.equal(disk.operations, 1);
  await clock.advance(1);
  room.has(1);
  assert.equal(disk.operations, 2);
});

test("room keeps what it knew when the file system does not answer", async () => {
  const { disk, room } = roomOn(1000);
  await room.refresh();
  disk.failNext("freeSpace", "EIO");
  await room.refresh();
  assert.equal(room.has(900), true);
  assert.equal(room.has(901), false);
});
