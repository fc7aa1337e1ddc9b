import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildToParent, Slice } from "#model/ipc/parent-link.ts";
import { SimClock } from "#world/sim/clock.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { FakeChild, type FakeEnd } from "#test/support/fake-child.ts";
import { Supervised } from "./supervised.ts";

const SECOND_MS = 1000;

/** A supervised child and everything that happens to it. */
class Nursery {
  readonly clock: SimClock = new SimClock();
  readonly children: FakeChild[] = [];
  readonly startedAtMs: number[] = [];
  readonly events: string[] = [];
  readonly messages: ChildToParent[] = [];
  verbose = false;
  readonly supervised: Supervised<FakeEnd> = new Supervised<FakeEnd>("queue", this.clock, {
    launch: () => {
      const child = new FakeChild(this.children.length + 1);
      this.children.push(child);
      this.startedAtMs.push(this.clock.monotonicMs());
      return child;
    },
    slice: () => this.#slice(),
  });

  constructor() {
    this.supervised.start({
      ready: () => this.events.push("ready"),
      message: (message) => this.messages.push(message),
      down: (how) => this.events.push(how),
      cannotStart: (why) => this.events.push(why),
    });
  }

  get child(): FakeChild {
    const child = this.children.at(-1);
    assert.ok(child !== undefined);
    return child;
  }

  /** The child runs, lives for `livedMs` and dies; then time passes until the next one. */
  async dies(livedMs: number): Promise<number> {
    this.child.says({ kind: "ready" });
    await this.clock.advance(livedMs);
    this.child.exits("exited with 1");
    await this.clock.settle();
    const diedAtMs = this.clock.monotonicMs();
    const count = this.children.length;
    await this.clock.runUntil(() => this.children.length > count, 60 * SECOND_MS);
    return this.clock.monotonicMs() - diedAtMs;
  }

  #slice(): Slice {
    return { ...EMPTY_SLICE, verbose: this.verbose };
  }
}

test("a child that dies again and again is started later each time, but not later than 30 s", async () => {
  const nursery = new Nursery();
  const waits: number[] = [];
  for (let n = 0; n < 10; n++) waits.push(await nursery.dies(SECOND_MS));
  assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test("a child that lived for more than a minute is started again soon", async () => {
  const nursery = new Nursery();
  for (let n = 0; n < 6; n++) await nursery.dies(0);
  assert.equal(await nursery.dies(61 * SECOND_MS), 200);
});

test("each child gets its slice as it is now, and a ready one is told to its owner", async () => {
  const nursery = new Nursery();
  nursery.verbose = true;
  await nursery.dies(0);
  const slices = nursery.children.map(({ told }) => {
    const [first] = told;
    return first?.kind === "configure" ? first.slice.verbose : undefined;
  });
  assert.deepEqual(slices, [false, true]);
  assert.deepEqual(nursery.events, ["ready", "exited with 1"]);
});

test("a child that is not ready in time counts as dead", async () => {
  const nursery = new Nursery();
  await nursery.clock.advance(59 * SECOND_MS);
  assert.deepEqual(nursery.child.signals, []);
  await nursery.clock.advance(2 * SECOND_MS);
  assert.deepEqual(
    nursery.children.map(({ signals }) => signals),
    [["SIGKILL"], []],
  );
  assert.deepEqual(nursery.events, ["ended by SIGKILL"]);
});

test("a ready child outlives the time that it had to start", async () => {
  const nursery = new Nursery();
  nursery.child.says({ kind: "ready" });
  await nursery.clock.advance(3600 * SECOND_MS);
  assert.equal(nursery.children.length, 1);
  assert.ok(nursery.supervised.running);
});

test("a child that closes its channel is of no use and is killed", async () => {
  const nursery = new Nursery();
  nursery.child.says({ kind: "ready" });
  nursery.child.closes();
  await nursery.clock.advance(SECOND_MS);
  assert.equal(nursery.children.length, 2);
});

test("a child that was asked to stop may close its channel and take its time", async () => {
  const nursery = new Nursery();
  nursery.child.says({ kind: "ready" });
  const stopped = nursery.supervised.stop(10 * SECOND_MS);
  nursery.child.closes();
  await nursery.clock.advance(9 * SECOND_MS);
  assert.deepEqual(nursery.child.signals, []);
  nursery.child.exits("exited with 0");
  await nursery.clock.runUntilSettled(stopped, SECOND_MS);
  assert.equal(nursery.clock.pendingTimers, 0);
});

test("stopping asks first and kills after the time of grace", async () => {
  const nursery = new Nursery();
  nursery.child.says({ kind: "ready" });
  const stopped = nursery.supervised.stop(10 * SECOND_MS);
  assert.equal(nursery.child.told.at(-1)?.kind, "shutdown");
  nursery.child.says({ kind: "user-wanted", request: 1, name: "ann" });
  assert.equal(nursery.messages.length, 1, "what it says meanwhile is heard");
  await nursery.clock.runUntilSettled(stopped, 11 * SECOND_MS);
  assert.deepEqual(nursery.child.signals, ["SIGKILL"]);
  await nursery.clock.advance(60 * SECOND_MS);
  assert.equal(nursery.children.length, 1);
  assert.equal(nursery.supervised.running, false);
});

test("stopping while a restart waits starts nothing more", async () => {
  const nursery = new Nursery();
  nursery.child.exits("exited with 1");
  await nursery.clock.settle();
  await nursery.supervised.stop(SECOND_MS);
  await nursery.clock.advance(60 * SECOND_MS);
  assert.equal(nursery.children.length, 1);
  assert.equal(nursery.clock.pendingTimers, 0);
});

test("stopping while the child starts asks it, and waits for its end", async () => {
  const nursery = new Nursery();
  const stopped = nursery.supervised.stop(10 * SECOND_MS);
  assert.equal(nursery.child.told.at(-1)?.kind, "shutdown");
  nursery.child.exits("exited with 0");
  await nursery.clock.runUntilSettled(stopped, SECOND_MS);
  assert.equal(nursery.clock.pendingTimers, 0);
});

test("what is sent to a child that does not run is dropped", () => {
  const nursery = new Nursery();
  nursery.supervised.send({ kind: "verbose", verbose: true });
  assert.equal(nursery.supervised.child, undefined);
  nursery.child.says({ kind: "ready" });
  nursery.supervised.send({ kind: "pause-smtp", paused: true });
  assert.equal(nursery.supervised.child, nursery.child);
  assert.deepEqual(
    nursery.child.told.map(({ kind }) => kind),
    ["configure", "pause-smtp"],
  );
});

test("a word of a child that is gone is not taken for one of the next", async () => {
  const nursery = new Nursery();
  await nursery.dies(0);
  nursery.children[0]?.says({ kind: "ready" });
  nursery.children[0]?.says({ kind: "user-wanted", request: 1, name: "ann" });
  assert.equal(nursery.supervised.running, false);
  assert.deepEqual(nursery.messages, []);
});
