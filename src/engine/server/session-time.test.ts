import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { LINGER_MS, type Patience, PATIENT, PRESSED, SESSION_MS } from "./limits.ts";
import { SessionTime } from "./session-time.ts";

class Bench {
  readonly clock = new SimClock();
  patience: Patience = PATIENT;
  /** The limits that have passed, with when. */
  readonly passed: string[] = [];
  readonly time: SessionTime = new SessionTime(
    this.clock,
    () => this.patience,
    () => this.passed.push(`${this.time.limit()} ${this.clock.monotonicMs() / 1000}`),
  );

  /** Does `step` every `ms` until a limit has passed, or for `times`. */
  async each(ms: number, step: () => void, times = 10_000): Promise<void> {
    for (let n = 0; n < times && this.passed.length === 0; n++) {
      await this.clock.advance(ms);
      if (this.passed.length === 0) step();
    }
  }
}

test("a command has five minutes", async () => {
  const bench = new Bench();
  await bench.clock.advance(PATIENT.commandMs);
  assert.deepEqual(bench.passed, ["command-time 300"]);
});

test("commands have an hour together, which a message begins again", async () => {
  const bench = new Bench();
  await bench.each(60_000, () => bench.time.awaitCommand());
  assert.deepEqual(bench.passed, ["transaction-time 3600"]);
  const other = new Bench();
  await other.each(60_000, () => other.time.awaitCommand(), 50);
  other.time.startText();
  other.time.endText();
  await other.each(60_000, () => other.time.awaitCommand());
  assert.deepEqual(other.passed, ["transaction-time 6600"]);
});

test("a text that is given up does not begin the hour again", async () => {
  const bench = new Bench();
  await bench.each(60_000, () => {
    bench.time.startText();
    bench.time.abandonText();
    bench.time.awaitCommand();
  });
  assert.deepEqual(bench.passed, ["transaction-time 3600"]);
});

test("a text has five minutes for each block, and ten with what its octets are worth", async () => {
  const stalled = new Bench();
  stalled.time.startText();
  await stalled.clock.advance(PATIENT.dataBlockMs);
  assert.deepEqual(stalled.passed, ["data-time 300"]);
  const slow = new Bench();
  slow.time.startText();
  await slow.each(60_000, () => slow.time.awaitText(0));
  assert.deepEqual(slow.passed, ["data-rate 600"]);
  const steady = new Bench();
  steady.time.startText();
  let bytes = 0;
  await steady.each(60_000, () => steady.time.awaitText((bytes += 60_000)), 600);
  assert.deepEqual(steady.passed, []);
});

test("what is said between the chunks of a text is within its time", async () => {
  const bench = new Bench();
  bench.time.startText();
  await bench.each(60_000, () => {
    bench.time.continueText();
    bench.time.awaitCommand();
  });
  assert.deepEqual(bench.passed, ["data-rate 600"]);
});

test("a session ends after a day, whatever it does", async () => {
  const bench = new Bench();
  await bench.each(250_000, () => {
    bench.time.startText();
    bench.time.endText();
    bench.time.awaitCommand();
  });
  assert.deepEqual(bench.passed, [`session-time ${SESSION_MS / 1000}`]);
});

test("while the answer is ours to give, the client's time stands still", async () => {
  const bench = new Bench();
  for (let n = 0; n < 100; n++) {
    bench.time.pause();
    await bench.clock.advance(PATIENT.commandMs / 2);
    bench.time.resume();
  }
  assert.deepEqual(bench.passed, []);
  await bench.each(60_000, () => bench.time.awaitCommand());
  assert.deepEqual(bench.passed, ["transaction-time 18600"]);
});

test("less patience counts from when it begins", async () => {
  const bench = new Bench();
  await bench.clock.advance(60_000);
  bench.patience = PRESSED;
  bench.time.hurry();
  await bench.clock.advance(PRESSED.commandMs);
  assert.deepEqual(bench.passed, ["command-time 70"]);
});

test("the end of the client is awaited for ten seconds", async () => {
  const bench = new Bench();
  bench.time.awaitEnd();
  bench.time.hurry();
  await bench.clock.advance(LINGER_MS);
  assert.equal(bench.passed.length, 1);
});
