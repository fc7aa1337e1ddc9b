import assert from "node:assert/strict";
import { test } from "node:test";
import { type Codec, struct, u32 } from "#base/codec.ts";
import { SimClock } from "#world/sim/clock.ts";
import type { ChannelShape, Link } from "./channel.ts";
import { type MemoryEnd, memoryPair } from "./memory-link.ts";

interface Count {
  readonly count: number;
}

const codec: Codec<Count> = struct<Count>({ count: u32 });
const SHAPE: ChannelShape<Count, Count> = { inbound: codec, outbound: codec, maxFrameBytes: 64 };

/** Two ends, and what each heard: counts, and "closed". */
function joined() {
  const clock = new SimClock();
  const ends = memoryPair((run) => void clock.after(0, run));
  const [near, far] = ends.map((end) => new Side(end)) as [Side, Side];
  return { clock, near, far };
}

class Side {
  readonly heard: (number | "closed")[] = [];
  readonly link: Link<Count, Count>;
  readonly end: MemoryEnd;

  constructor(end: MemoryEnd) {
    this.end = end;
    this.link = end.open(SHAPE);
  }

  start(): void {
    this.link.start({
      message: ({ count }) => this.heard.push(count),
      closed: () => this.heard.push("closed"),
    });
  }

  send(...counts: readonly number[]): void {
    for (const count of counts) this.link.send({ count });
  }
}

test("messages arrive in order, in a later turn", async () => {
  const { clock, near, far } = joined();
  far.start();
  near.send(1, 2, 3);
  assert.deepEqual(far.heard, []);
  await clock.advance(1);
  assert.deepEqual(far.heard, [1, 2, 3]);
});

test("an end that nobody reads yet keeps what came, and that it is over", async () => {
  const { clock, near, far } = joined();
  near.start();
  near.send(1);
  near.link.end();
  await clock.advance(1);
  far.start();
  await clock.advance(1);
  assert.deepEqual(far.heard, [1, "closed"]);
  assert.deepEqual(near.heard, ["closed"]);
});

test("what was sent before the end arrives; nothing that is sent after it does", async () => {
  const { clock, near, far } = joined();
  near.start();
  far.start();
  near.send(1);
  near.link.end();
  near.link.destroy();
  await clock.advance(1);
  near.send(2);
  far.send(3);
  await clock.advance(1);
  assert.deepEqual([near.heard, far.heard], [["closed"], [1, "closed"]]);
  assert.deepEqual([near.end.isOpen, far.end.isOpen], [false, false]);
});

test("the dead hear nothing more, and the living hear that they died", async () => {
  const { clock, near, far } = joined();
  near.start();
  far.start();
  near.send(1);
  far.send(2);
  near.end.abandon();
  near.send(3);
  await clock.advance(1);
  assert.deepEqual([near.heard, far.heard], [[], [1, "closed"]]);
});
