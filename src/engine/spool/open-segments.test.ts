import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { MAX_OPEN_SEGMENTS, OpenSegments } from "./open-segments.ts";
import { emptySegment, type Segment } from "./segment.ts";

const MANY = MAX_OPEN_SEGMENTS + 3;

/** A disk with segments of one byte each, their number, and how often one was opened. */
class Fixture {
  readonly disk = new SimDisk(new SimClock(), simRandom(1));
  readonly segments: readonly Segment[];
  readonly open: OpenSegments = new OpenSegments(this.disk.files());
  opened = 0;

  constructor() {
    this.disk.plantFolder("/journal");
    this.segments = Array.from({ length: MANY }, (_, sequence) => {
      const path = `/journal/${sequence}`;
      this.disk.plantFile(path, Uint8Array.of(sequence));
      const header = {
        sequence,
        mark: new Uint8Array(8),
        previous: undefined,
        encryption: undefined,
      };
      return emptySegment(path, header, 1, undefined);
    });
    this.disk.onOperation = ({ name }) => {
      if (name === "open") this.opened++;
    };
  }

  /** What is read of a segment, which is closed then. */
  async read(number: number): Promise<number | undefined> {
    const file = await this.open.open(this.segmentAt(number));
    try {
      return (await file.read(0, 1))[0];
    } finally {
      await file.close();
    }
  }

  segmentAt(number: number): Segment {
    const segment = this.segments[number];
    assert.ok(segment);
    return segment;
  }
}

test("a segment is opened once, however many read it and however often", async () => {
  const fixture = new Fixture();
  assert.deepEqual(await Promise.all([fixture.read(2), fixture.read(2)]), [2, 2]);
  assert.equal(await fixture.read(2), 2);
  assert.equal(fixture.opened, 1);
  assert.equal(fixture.disk.openFiles, 1);
});

test("the segments that were used last stay open, and no more than the bound", async () => {
  const fixture = new Fixture();
  for (let number = 0; number < MANY; number++) {
    assert.equal(await fixture.read(number), number);
    assert.equal(await fixture.read(0), 0);
  }
  assert.equal(fixture.disk.openFiles, MAX_OPEN_SEGMENTS);
  assert.equal(fixture.opened, MANY, "the first was used again and again");
  await fixture.open.close();
  assert.equal(fixture.disk.openFiles, 0);
});

test("a segment that is forgotten is closed, after its last reader", async () => {
  const fixture = new Fixture();
  await fixture.read(1);
  await fixture.open.forget(fixture.segmentAt(1));
  assert.equal(fixture.disk.openFiles, 0);
  const first = await fixture.open.open(fixture.segmentAt(1));
  const second = await fixture.open.open(fixture.segmentAt(1));
  await fixture.open.forget(fixture.segmentAt(1));
  await first.close();
  assert.deepEqual(await second.read(0, 1), Uint8Array.of(1));
  await second.close();
  assert.equal(fixture.disk.openFiles, 0);
});

test("more are open while they are read than stay open", async () => {
  const fixture = new Fixture();
  const files = await Promise.all(fixture.segments.map((segment) => fixture.open.open(segment)));
  for (const [number, file] of files.entries()) {
    assert.deepEqual(await file.read(0, 1), Uint8Array.of(number));
  }
  await Promise.all(files.map((file) => file.close()));
  assert.equal(fixture.disk.openFiles, MAX_OPEN_SEGMENTS);
});

test("a segment that could not be opened is tried anew by who asks next", async () => {
  const fixture = new Fixture();
  fixture.disk.failNext("open", "EMFILE");
  const both = await Promise.allSettled([fixture.read(1), fixture.read(1)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await fixture.read(1), 1);
  assert.equal(fixture.disk.openFiles, 1);
});

test("who fails to open a segment that was forgotten takes it from nobody who has it since", async () => {
  const fixture = new Fixture();
  fixture.disk.failNext("open", "EMFILE");
  const failing = fixture.read(1);
  await fixture.open.forget(fixture.segmentAt(1));
  const since = fixture.read(1);
  await assert.rejects(failing, { code: "EMFILE" });
  assert.equal(await since, 1);
  assert.equal(fixture.disk.openFiles, 1);
});

test("nothing stays open that is read after the end, or beyond it", async () => {
  const fixture = new Fixture();
  const before = await fixture.open.open(fixture.segmentAt(1));
  await fixture.open.close();
  assert.deepEqual(await before.read(0, 1), Uint8Array.of(1));
  assert.equal(await fixture.read(2), 2);
  assert.equal(fixture.disk.openFiles, 1);
  await before.close();
  assert.equal(fixture.disk.openFiles, 0);
});

test("what is read as of a file leaves a segment open, and lets it go when it is forgotten", async () => {
  const fixture = new Fixture();
  const file = fixture.open.readable(fixture.segmentAt(3));
  assert.deepEqual(await file.read(0, 1), Uint8Array.of(3));
  assert.deepEqual(await file.read(0, 1), Uint8Array.of(3));
  assert.deepEqual([fixture.opened, fixture.disk.openFiles], [1, 1]);
  await fixture.open.forget(fixture.segmentAt(3));
  assert.equal(fixture.disk.openFiles, 0);
});
