import assert from "node:assert/strict";
import { test } from "node:test";
import { LogQueue, MAX_WAITING_LENGTH } from "./log-queue.ts";

/** A writer whose writes end when the test says so. */
class SlowWriter {
  readonly written: string[] = [];
  readonly #ends: PromiseWithResolvers<void>[] = [];

  readonly write = async (bytes: Uint8Array): Promise<void> => {
    const end = Promise.withResolvers<void>();
    this.#ends.push(end);
    await end.promise;
    this.written.push(Buffer.from(bytes).toString());
  };

  /** Waits for a write to begin, then ends it. */
  async endOne(failure?: Error): Promise<void> {
    for (let turns = 0; this.#ends.length === 0 && turns < 20; turns++) await Promise.resolve();
    const end = this.#ends.shift();
    assert.ok(end, "no write is under way");
    if (failure === undefined) end.resolve();
    else end.reject(failure);
  }
}

test("lines of one turn leave in one write, those that came meanwhile in the next", async () => {
  const writer = new SlowWriter();
  const log = new LogQueue(writer.write);
  log.sink("one", "info");
  log.sink("two", "info");
  const ended = writer.endOne();
  await Promise.resolve();
  log.sink("three", "info");
  await ended;
  await writer.endOne();
  await log.flushed();
  assert.deepEqual(writer.written, ["one\ntwo\n", "three\n"]);
});

test("a stuck reader costs lines, and the gap is named", async () => {
  const writer = new SlowWriter();
  const log = new LogQueue(writer.write);
  const line = "x".repeat(1024);
  const extraCount = 5;
  for (let at = 0; at < MAX_WAITING_LENGTH / line.length + extraCount; at++) log.sink(line, "info");
  assert.equal(log.lostCount, extraCount);
  await writer.endOne();
  await writer.endOne();
  await log.flushed();
  assert.equal(writer.written.at(-1), "warn: 5 log lines lost\n");
});

test("a write that failed loses its lines only", async () => {
  const writer = new SlowWriter();
  const log = new LogQueue(writer.write);
  log.sink("one", "info");
  await writer.endOne(new Error("EPIPE"));
  await log.flushed();
  log.sink("two", "info");
  await writer.endOne();
  await writer.endOne();
  await log.flushed();
  assert.deepEqual(writer.written, ["two\n", "warn: 1 log lines lost\n"]);
});
