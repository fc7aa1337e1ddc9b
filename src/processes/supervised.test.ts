import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildToParent, ParentToChild } from "#model/ipc/parent-link.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { SimClock } from "#world/sim/clock.ts";
import type { Child } from "./child.ts";
import type { ChannelOwner } from "./channel.ts";
import { Supervised } from "./supervised.ts";

/** Children that say what the test lets them say, and end when they are killed. */
class Nursery {
  readonly clock = new SimClock();
  readonly told: string[] = [];
  /** Which of them were told that they need no more than they have. */
  readonly sealed: number[] = [];
  started = 0;
  says: (message: ChildToParent) => void = () => undefined;
  readonly supervised = new Supervised<never>("queue", this.clock, {
    launch: () => this.#launch(),
    slice: () => EMPTY_SLICE,
  });

  constructor() {
    this.supervised.start({
      ready: () => this.told.push("ready"),
      message: () => undefined,
      down: (how) => this.told.push(how),
      cannotStart: (why) => this.told.push(why),
    });
  }

  #launch(): Child<never> {
    this.started++;
    const { promise: exited, resolve } = Promise.withResolvers<string>();
    let owner: ChannelOwner<ChildToParent> | undefined;
    this.says = (message) => owner?.message(message);
    return {
      pid: 1,
      link: {
        congested: false,
        start: (given) => {
          owner = given;
        },
        send: (_message: ParentToChild) => undefined,
        end: () => undefined,
        destroy: () => undefined,
      },
      handOver: () => undefined,
      handOverListener: () => undefined,
      handOverClient: async () => undefined,
      seal: () => void this.sealed.push(this.started),
      kill: (signal) => resolve(`ended by ${signal}`),
      exited,
    };
  }
}

test("a child that cannot start at first is not started again", async () => {
  const nursery = new Nursery();
  nursery.says({ kind: "cannot-start", why: "no spool" });
  await nursery.clock.advance(600_000);
  assert.deepEqual([nursery.told, nursery.started], [["no spool"], 1]);
});

test("each child is sealed once it runs, and not before", async () => {
  const nursery = new Nursery();
  nursery.says({ kind: "starting", done: 1, of: 2 });
  assert.deepEqual(nursery.sealed, []);
  nursery.says({ kind: "ready" });
  assert.deepEqual(nursery.sealed, [1]);
  nursery.supervised.renew();
  await nursery.clock.advance(60_000);
  nursery.says({ kind: "ready" });
  assert.deepEqual(nursery.sealed, [1, nursery.started]);
});

test("a child that could start before is tried again, later each time", async () => {
  const nursery = new Nursery();
  nursery.says({ kind: "ready" });
  for (let round = 0; round < 5; round++) {
    nursery.says({ kind: "cannot-start", why: "disk full" });
    await nursery.clock.advance(30_000);
  }
  nursery.says({ kind: "ready" });
  assert.equal(nursery.started, 6);
  assert.equal(nursery.told.filter((what) => what === "disk full").length, 5);
  assert.ok(nursery.supervised.running, "it runs in the end");
});

test("a child that says that it goes on has as much time again, one that says the same again has not", async () => {
  const nursery = new Nursery();
  for (let done = 1; done <= 10; done++) {
    await nursery.clock.advance(50_000);
    nursery.says({ kind: "starting", done, of: 10 });
  }
  assert.deepEqual(nursery.told, []);
  await nursery.clock.advance(50_000);
  nursery.says({ kind: "starting", done: 10, of: 10 });
  await nursery.clock.advance(10_001);
  assert.deepEqual(nursery.told, ["ended by SIGKILL"]);
});

test("what a child says of its start after that changes nothing", async () => {
  const nursery = new Nursery();
  nursery.says({ kind: "ready" });
  nursery.says({ kind: "starting", done: 1, of: 2 });
  await nursery.clock.advance(600_000);
  assert.deepEqual(nursery.told, ["ready"]);
  assert.ok(nursery.supervised.running, "it runs");
});
