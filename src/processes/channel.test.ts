import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes as octets, type Codec, struct, text, u32 } from "#base/codec.ts";
import type { SimConnectionSettings } from "#world/sim/connection.ts";
import { SimWorld } from "#world/sim/world.ts";
import { CHANNEL_HIGH_WATER_BYTES, type ChannelShape, StreamChannel } from "./channel.ts";

interface Note {
  readonly number: number;
  readonly words: string;
}

const noteCodec: Codec<Note> = struct<Note>({ number: u32, words: text(4 * 1024 * 1024) });
const SHAPE: ChannelShape<Note, Note> = {
  inbound: noteCodec,
  outbound: noteCodec,
  maxFrameBytes: 2 * 1024 * 1024,
};

/** One end of a channel, and what it heard. */
class Side {
  readonly notes: Note[] = [];
  readonly closed: (string | undefined)[] = [];
  drained = 0;
  readonly channel: StreamChannel<Note, Note>;

  constructor(channel: StreamChannel<Note, Note>) {
    this.channel = channel;
  }

  start(): this {
    this.channel.start({
      message: (heard) => this.notes.push(heard),
      closed: (fault) => this.closed.push(fault),
      drained: () => this.drained++,
    });
    return this;
  }
}

/** Two sides, not started, over a simulated connection; `writes` counts those of the near one. */
function joined(settings: Partial<SimConnectionSettings> = {}, seed = 1) {
  const world = new SimWorld(seed, { network: settings });
  const [near, far] = world.network.pair();
  const writes: number[] = [];
  const write = near.write.bind(near);
  near.write = (bytes) => {
    writes.push(bytes.length);
    return write(bytes);
  };
  const defer = (run: () => void): void => void world.clock.after(0, run);
  return {
    clock: world.clock,
    far,
    writes,
    one: new Side(new StreamChannel(near, SHAPE, defer)),
    two: new Side(new StreamChannel(far, SHAPE, defer)),
  };
}

function note(number: number, bytes = 5): Note {
  return { number, words: "x".repeat(bytes) };
}

test("messages arrive whole and in order, however the bytes are split", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { clock, one, two } = joined({ chunkBytes: "random" }, seed);
    one.start();
    two.start();
    const notes = Array.from({ length: 40 }, (_, n) => note(n, n * 37));
    for (const each of notes) {
      one.channel.send(each);
      if (each.number % 7 === 0) await clock.advance(1);
    }
    await clock.advance(1000);
    assert.deepEqual(two.notes, notes, `seed ${seed}`);
  }
});

test("what is sent in one turn leaves in one write, at the end of the turn", async () => {
  const { clock, one, two, writes } = joined();
  one.start();
  two.start();
  for (let n = 0; n < 100; n++) one.channel.send(note(n));
  assert.deepEqual(writes, []);
  await clock.advance(1000);
  assert.equal(writes.length, 1);
  one.channel.send(note(100));
  await clock.advance(1000);
  assert.equal(writes.length, 2);
  assert.equal(two.notes.length, 101);
});

test("a batch that grows large does not wait for the end of the turn", () => {
  const { one, writes } = joined();
  one.start();
  for (let n = 0; n < 3; n++) one.channel.send(note(n, 600_000));
  assert.equal(writes.length, 1);
});

test("a large text is sent from where it lies, and arrives whole and in order with the others", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimWorld(seed, { network: { chunkBytes: "random" } });
    const [near, far] = world.network.pair();
    const written: Uint8Array[] = [];
    near.writeAll = (pieces) => {
      written.push(...pieces);
      return pieces.map((piece) => near.write(piece)).at(-1) ?? true;
    };
    const shape = { inbound: octets(100_000), outbound: octets(100_000), maxFrameBytes: 200_000 };
    const defer = (run: () => void): void => void world.clock.after(0, run);
    const heard: Uint8Array[] = [];
    new StreamChannel(far, shape, defer).start({
      message: (whole) => heard.push(whole),
      closed: () => undefined,
    });
    const channel = new StreamChannel(near, shape, defer);
    const texts = [3, 50_000, 7, 90_000, 20_000].map((length) => Buffer.alloc(length, length));
    for (const whole of texts) channel.send(whole);
    await world.clock.advance(10_000);
    // Compared as one: a report of how large texts differ takes minutes.
    assert.deepEqual(
      heard.map(({ length }) => length),
      texts.map(({ length }) => length),
    );
    assert.ok(Buffer.concat(heard).equals(Buffer.concat(texts)), `seed ${seed}`);
    assert.equal(texts.filter((whole) => written.includes(whole)).length, 3);
  }
});

test("a frame that is larger than allowed closes the channel with the reason", async () => {
  const { clock, one, two } = joined();
  one.start();
  two.start();
  one.channel.send(note(1));
  one.channel.send(note(2, SHAPE.maxFrameBytes + 1));
  await clock.advance(60_000);
  assert.deepEqual(two.notes, [note(1)]);
  assert.equal(two.closed.length, 1);
  assert.match(two.closed[0] ?? "", /\d+ bytes/u);
  assert.equal(one.closed.length, 1);
});

test("bytes that are no message close the channel, and what came before them counts", async () => {
  const { clock, one, two, far } = joined({ chunkBytes: "whole" });
  one.start();
  two.channel.send(note(1));
  await clock.advance(100);
  // A frame of one byte: no note is that short.
  far.write(Uint8Array.of(1, 0, 0, 0, 0xff));
  far.write(Uint8Array.of(0, 0, 0, 1, 0xff));
  await clock.advance(1000);
  assert.deepEqual(one.notes, [note(1)]);
  assert.equal(one.closed.length, 1);
  assert.notEqual(one.closed[0], undefined);
});

test("a sender that is far ahead of its reader is told to wait, and when to go on", async () => {
  const { clock, one, two } = joined({ windowBytes: 65_536 });
  one.start();
  let sent = 0;
  while (!one.channel.congested) one.channel.send(note(sent++, 100_000));
  assert.ok(sent * 100_000 > CHANNEL_HIGH_WATER_BYTES, "up to the mark it may go on");
  assert.ok(sent * 100_000 < 2 * CHANNEL_HIGH_WATER_BYTES, "and not much further");
  await clock.advance(1000);
  assert.ok(one.channel.congested, "nobody reads");
  two.start();
  await clock.advance(600_000);
  assert.equal(one.channel.congested, false);
  assert.ok(one.drained > 0);
  assert.equal(two.notes.length, sent);
});

test("ending sends what waits; both sides hear once that it is over", async () => {
  const { clock, one, two } = joined();
  one.start();
  two.start();
  one.channel.send(note(1));
  one.channel.end();
  one.channel.send(note(2));
  two.channel.send(note(3));
  await clock.advance(1000);
  assert.deepEqual(two.notes, [note(1)]);
  assert.deepEqual(one.notes, [note(3)], "what the other side had under way arrives");
  assert.deepEqual([one.closed, two.closed], [[undefined], [undefined]]);
});

test("what a side sends in the turn in which the other ends still leaves", async () => {
  const { clock, one, two } = joined();
  two.channel.start({
    message: (heard) => two.channel.send(heard),
    closed: (fault) => two.closed.push(fault),
  });
  one.start();
  one.channel.send(note(1));
  one.channel.end();
  await clock.advance(1000);
  assert.deepEqual(one.notes, [note(1)]);
  assert.deepEqual(two.closed, [undefined]);
});

test("destroying drops what waits, and nothing is sent after it", async () => {
  const { clock, one, two, writes } = joined();
  one.start();
  two.start();
  one.channel.send(note(1));
  one.channel.destroy();
  one.channel.send(note(2));
  one.channel.end();
  await clock.advance(1000);
  assert.deepEqual(writes, []);
  assert.deepEqual(two.notes, []);
  assert.equal(one.closed.length + two.closed.length, 2);
});

test("a connection that breaks says why, once", async () => {
  const { clock, one, two, far } = joined();
  one.start();
  two.start();
  far.reset();
  await clock.advance(1000);
  assert.deepEqual(one.closed, ["Connection reset by peer"]);
  assert.deepEqual(two.closed, ["Connection reset by peer"]);
});
