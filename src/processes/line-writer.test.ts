import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { LineWriter, MAX_UNWRITTEN_BYTES, streamSink } from "./line-writer.ts";

/** A reader that takes a write when the test lets it. */
class Reader extends Writable {
  got = "";
  #take: (() => void) | undefined;

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.#take = () => {
      this.got += bytes.toString();
      done();
    };
  }

  /** Takes all that waits. */
  async reads(): Promise<void> {
    while (this.#take !== undefined) {
      const take = this.#take;
      this.#take = undefined;
      take();
      await Promise.resolve();
    }
  }
}

test("lines for a stuck reader are dropped, and counted when it reads again", async () => {
  const reader = new Reader();
  const writer = new LineWriter(streamSink(reader));
  writer.write(`${"x".repeat(MAX_UNWRITTEN_BYTES)}\n`);
  writer.write("lost one\nlost two\n");
  writer.write("lost three\n");
  await reader.reads();
  writer.write("here again\n");
  await reader.reads();
  assert.deepEqual(reader.got.split("\n").slice(1), ["warn: 3 log lines lost", "here again", ""]);
});

test("lines of several processes do not mix, however they are split", async () => {
  const reader = new Reader();
  const writer = new LineWriter(streamSink(reader));
  const [one, other] = [new PassThrough(), new PassThrough()];
  writer.forward(one);
  writer.forward(other);
  for (const [source, text] of [
    [one, "fir"],
    [other, "sec"],
    [one, "st\nthi"],
    [other, "ond\n"],
    [one, "rd\n"],
  ] as const) {
    source.write(text);
    await new Promise(setImmediate);
  }
  other.end("last, without its end");
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await reader.reads();
  assert.equal(reader.got, "first\nsecond\nthird\nlast, without its end\n");
});

test("waiting for the reader ends, also when it is stuck", async () => {
  const reader = new Reader();
  const writer = new LineWriter(streamSink(reader));
  await writer.flushed(1000);
  writer.write("line\n");
  await writer.flushed(1);
  const flushed = writer.flushed(60_000);
  await reader.reads();
  await flushed;
});

test("warnings are marked for a log that has levels, and nothing else is", async () => {
  const stream = new PassThrough();
  const writer = new LineWriter(streamSink(stream), "<4>");
  writer.write("info: one\nwarn: two\n");
  writer.write(Buffer.from("ab12 smtp connected host=warn: x\nwarn: grüße\n"));
  stream.end();
  assert.deepEqual(
    Buffer.concat(await stream.toArray())
      .toString()
      .split("\n"),
    ["info: one", "<4>warn: two", "ab12 smtp connected host=warn: x", "<4>warn: grüße", ""],
  );
});
