import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { FakeChild, type FakeEnd, FakePairs } from "#test/support/fake-child.ts";
import { SimClock } from "#world/sim/clock.ts";
import { Joins } from "./joins.ts";
import type { Role } from "./roles.ts";
import { type Sibling, SiblingWays } from "./siblings.ts";
import { Supervised } from "./supervised.ts";

const SECOND_MS = 1000;

/** Siblings that run, in the rooms of one daemon. */
class Family {
  readonly clock: SimClock = new SimClock();
  readonly pairs: FakePairs = new FakePairs();
  readonly joins = new Joins<FakeEnd>(this.clock, this.pairs);
  readonly warnings: string[] = [];
  readonly ways = new SiblingWays<FakeEnd>(this.clock, this.joins, {
    generation: () => 3,
    warn: (text) => this.warnings.push(text),
  });

  sibling(
    role: Role,
    index = 0,
  ): { readonly sibling: Sibling<FakeEnd>; readonly child: FakeChild } {
    const child = new FakeChild();
    const process = new Supervised<FakeEnd>(role, this.clock, {
      launch: () => child,
      slice: () => EMPTY_SLICE,
    });
    process.start({
      ready: () => undefined,
      message: (message) => {
        if (message.kind === "joined") this.joins.arrived(message.number);
      },
      down: () => undefined,
      cannotStart: () => undefined,
    });
    child.says({ kind: "ready" });
    return { sibling: { process, role, index }, child };
  }
}

function namesOf({ handovers }: FakeChild): readonly string[] {
  return handovers.map(({ handover }) => `${handover.to} ${handover.name}`.trim());
}

test("who starts is joined to those that it talks to, and to nobody else", async () => {
  const family = new Family();
  const queue = family.sibling("queue");
  const control = family.sibling("control");
  const first = family.sibling("dispatcher", 0);
  const second = family.sibling("dispatcher", 1);
  const all = [queue, control, first, second].map(({ sibling }) => sibling);
  family.ways.join(second.sibling, all);
  await family.clock.settle();
  assert.deepEqual(namesOf(second.child), ["queue"]);
  assert.deepEqual(namesOf(queue.child), ["dispatcher 1"]);
  assert.deepEqual([first.child.handovers, control.child.handovers], [[], []]);
  assert.deepEqual(family.warnings, []);
});

test("a pair that cannot be made is made later: nobody is without the other for good", async () => {
  const family = new Family();
  const [queue, dispatcher] = [family.sibling("queue"), family.sibling("dispatcher")];
  family.pairs.fault = "accept EMFILE";
  family.ways.join(queue.sibling, [dispatcher.sibling]);
  await family.clock.advance(5 * SECOND_MS);
  assert.deepEqual(dispatcher.child.handovers, []);
  assert.match(family.warnings[0] ?? "", /^queue and dispatcher are not joined, .*accept EMFILE$/u);
  family.pairs.fault = undefined;
  await family.clock.advance(2 * SECOND_MS);
  assert.deepEqual(namesOf(dispatcher.child), ["queue"]);
  assert.deepEqual(namesOf(queue.child), ["dispatcher 0"]);
});

test("a socket that was lost on its way is noticed, and both get another", async () => {
  const family = new Family();
  const [queue, dispatcher] = [family.sibling("queue"), family.sibling("dispatcher")];
  dispatcher.child.losesHandovers = true;
  family.ways.join(queue.sibling, [dispatcher.sibling]);
  await family.clock.advance(11 * SECOND_MS);
  assert.match(family.warnings[0] ?? "", /did not arrive$/u);
  dispatcher.child.losesHandovers = false;
  await family.clock.advance(2 * SECOND_MS);
  const [atDispatcher] = dispatcher.child.handovers;
  assert.equal(atDispatcher?.end.pair, queue.child.handovers.at(-1)?.end.pair);
  assert.equal(queue.child.handovers.length, 2);
  assert.equal(family.clock.pendingTimers, 0);
});

test("who has ended meanwhile is joined by whoever starts it, not here", async () => {
  const family = new Family();
  const [queue, dispatcher] = [family.sibling("queue"), family.sibling("dispatcher")];
  dispatcher.child.losesHandovers = true;
  family.ways.join(queue.sibling, [dispatcher.sibling]);
  await family.clock.settle();
  void dispatcher.sibling.process.stop(0);
  dispatcher.child.exits("exited with 0");
  await family.clock.advance(20 * SECOND_MS);
  assert.deepEqual(family.warnings, []);
  assert.equal(queue.child.handovers.length, 1);
});
