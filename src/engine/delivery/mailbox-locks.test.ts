import assert from "node:assert/strict";
import { test } from "node:test";
import { SimWorld } from "#world/sim/world.ts";
import { type MailboxLock, MailboxLocks } from "./mailbox-locks.ts";

const PATH = "/mail/bob";
const LOCK = "/mail/bob.lock";

function newWorld(): SimWorld {
  const world = new SimWorld(1);
  world.disk.plantFolder("/mail");
  return world;
}

function locksOf({ disk, clock, random }: SimWorld): MailboxLocks {
  return new MailboxLocks({ files: disk.files(), clock, random }, 42);
}

async function names(world: SimWorld): Promise<readonly string[]> {
  return world.disk.files().list("/mail");
}

async function release(lock: MailboxLock): Promise<void> {
  assert.equal(lock.kind, "held");
  await lock.release();
}

/** Another program's. */
async function plantLock(world: SimWorld): Promise<void> {
  await (await world.disk.files().open(LOCK, "create")).close();
}

test("a lock is a file with our number, which goes again, and nothing stays beside it", async () => {
  const world = newWorld();
  const lock = await locksOf(world).take(PATH);
  assert.deepEqual(await names(world), ["bob.lock"]);
  assert.equal(Buffer.from(world.disk.bytesOf(LOCK)).toString(), "42\n");
  await release(lock);
  assert.deepEqual(await names(world), []);
});

test("who asks within one process stands in line, and two processes take turns", async () => {
  const world = newWorld();
  const here = locksOf(world);
  const there = locksOf(world);
  const order: string[] = [];
  let held = 0;
  const use = async (locks: MailboxLocks, name: string): Promise<void> => {
    const lock = await locks.take(PATH);
    assert.equal(++held, 1, "one at a time");
    order.push(name);
    await new Promise<void>((resolve) => {
      world.clock.after(100, resolve);
    });
    held--;
    await release(lock);
  };
  const uses = [use(here, "a"), use(here, "b"), use(there, "c"), use(here, "d")];
  await world.clock.runUntilSettled(Promise.all(uses), 60_000);
  assert.deepEqual(order.toSorted(), ["a", "b", "c", "d"]);
  assert.deepEqual(
    order.filter((name) => name !== "c"),
    ["a", "b", "d"],
  );
});

test("BOX-05: a lock that is held is waited for, and not for ever", async () => {
  const world = newWorld();
  await plantLock(world);
  const startMs = world.clock.monotonicMs();
  const lock = await world.clock.runUntilSettled(locksOf(world).take(PATH), 60_000);
  assert.equal(lock.kind, "busy");
  assert.equal(world.clock.monotonicMs() - startMs, 30_000);
  assert.deepEqual(await names(world), ["bob.lock"]);
});

test("BOX-05: a lock that was left behind is taken away", async () => {
  const world = newWorld();
  await plantLock(world);
  await world.clock.advance(5 * 60_000);
  await release(await locksOf(world).take(PATH));
  assert.deepEqual(await names(world), []);
});

test("a folder that takes no lock is told apart, and the next in line has its turn", async () => {
  const world = newWorld();
  world.disk.fail({ operation: "open", code: "EACCES", times: 1 });
  const locks = locksOf(world);
  const [first, second] = await Promise.all([locks.take(PATH), locks.take(PATH)]);
  assert.deepEqual([first.kind, second.kind], ["impossible", "held"]);
});

test("a line has a bound", async () => {
  const world = newWorld();
  const locks = locksOf(world);
  await locks.take(PATH);
  const waiting = Array.from({ length: 99 }, () => locks.take(PATH));
  assert.equal((await locks.take(PATH)).kind, "busy");
  assert.equal(waiting.length, 99);
});
