import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { SimClock } from "#world/sim/clock.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { AttemptMemory } from "./attempt-memory.ts";

type Outcome = DeliveryResult["outcome"];

const TAKES_MS = 1000;

/**
 * Takes a second over each attempt, and ends it as the test says. Must not be asked for
 * what is under way with it, or has its end.
 */
class Courier implements Carrier {
  readonly clock: SimClock = new SimClock();
  readonly memory: AttemptMemory = new AttemptMemory(this, 100);
  /** Who each attempt was for. */
  readonly attempts: (readonly string[])[] = [];
  outcomeFor: (destination: string) => Outcome = () => "delivered";
  readonly #begunOrEnded = new Set<string>();

  async attempt({ envelopes }: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const destinations = envelopes.map(({ destination }) => destination);
    this.attempts.push(destinations);
    for (const to of destinations) {
      assert.ok(!this.#begunOrEnded.has(to), `${to} is attempted twice`);
      this.#begunOrEnded.add(to);
    }
    await this.passes(TAKES_MS);
    return envelopes.map(({ evpid, destination }) => {
      const outcome = this.outcomeFor(destination);
      if (outcome === "deferred") this.#begunOrEnded.delete(destination);
      return resultOf(evpid, outcome);
    });
  }

  passes(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve);
    });
  }

  /** What a queue hears that asks now, and when: outcomes in the order of `to`. */
  async asked(...to: string[]): Promise<string> {
    const task = letterTo(to);
    const results = await this.memory.attempt(task);
    const outcomes = task.envelopes.map(
      ({ evpid }) => results.find((result) => result.evpid === evpid)?.outcome,
    );
    return `${this.clock.monotonicMs()} ms: ${outcomes.join(" ")}`;
  }

  async answers(asked: readonly Promise<string>[]): Promise<readonly string[]> {
    return this.clock.runUntilSettled(Promise.all(asked), 100 * TAKES_MS);
  }
}

function resultOf(evpid: string, outcome: Outcome): DeliveryResult {
  return { evpid, outcome, status: "", diagnostic: "", remote: "" };
}

/** Destinations of up to four characters: the same one is the same envelope. */
function letterTo(to: readonly string[]): DeliveryTask {
  const task = taskOf(to, "hello");
  const envelopes = task.envelopes.map((envelope) => ({
    ...envelope,
    evpid: `0a0b0c0d${Buffer.from(envelope.destination).toString("hex").padStart(8, "0").slice(-8)}`,
  }));
  return { ...task, envelopes };
}

/** All different, up to a million. */
function nth(n: number): DeliveryTask {
  return letterTo([n.toString(36)]);
}

for (const outcome of ["delivered", "failed", "loop"] as const) {
  test(`an attempt that ended ${outcome} is not made again: the next queue hears of its end`, async () => {
    const courier = new Courier();
    courier.outcomeFor = () => outcome;
    assert.deepEqual(await courier.answers([courier.asked("ann")]), [`1000 ms: ${outcome}`]);
    assert.deepEqual(await courier.answers([courier.asked("ann")]), [`1000 ms: ${outcome}`]);
    assert.equal(courier.attempts.length, 1);
  });
}

test("an attempt that was deferred is made again", async () => {
  const courier = new Courier();
  courier.outcomeFor = () => "deferred";
  for (const ms of [1000, 2000]) {
    assert.deepEqual(await courier.answers([courier.asked("ann")]), [`${ms} ms: deferred`]);
  }
  assert.deepEqual(courier.attempts, [["ann"], ["ann"]]);
});

test("what is asked for while it is under way is not attempted beside it", async () => {
  const courier = new Courier();
  const asked = [courier.asked("ann")];
  await courier.clock.advance(500);
  asked.push(courier.asked("ann"), courier.asked("ann"));
  assert.deepEqual(await courier.answers(asked), Array(3).fill("1000 ms: delivered"));
  assert.equal(courier.attempts.length, 1);
});

test("of two that waited for one that was deferred, one is attempted, and the other waits for it", async () => {
  const courier = new Courier();
  courier.outcomeFor = () => (courier.attempts.length === 1 ? "deferred" : "delivered");
  const asked = [courier.asked("ann"), courier.asked("ann"), courier.asked("ann")];
  assert.deepEqual(await courier.answers(asked), [
    "1000 ms: deferred",
    "2000 ms: delivered",
    "2000 ms: delivered",
  ]);
  assert.equal(courier.attempts.length, 2);
});

test("of several envelopes only those are attempted that have no end yet", async () => {
  const courier = new Courier();
  courier.outcomeFor = (to) =>
    to === "ben" && courier.attempts.length < 3 ? "deferred" : "failed";
  const asked = [courier.asked("ann", "ben"), courier.asked("dan")];
  await courier.clock.advance(500);
  asked.push(courier.asked("ann", "ben", "eve"));
  assert.deepEqual(await courier.answers(asked), [
    "1000 ms: failed deferred",
    "1000 ms: failed",
    "2000 ms: failed failed failed",
  ]);
  assert.deepEqual(courier.attempts, [["ann", "ben"], ["dan"], ["ben", "eve"]]);
});

test("what an agent says of another's envelope is not remembered", async () => {
  const [ann, ben] = [letterTo(["ann"]), letterTo(["ben"])];
  const attempts: DeliveryTask[] = [];
  const memory = new AttemptMemory(
    {
      async attempt(task) {
        attempts.push(task);
        return [ann, ben].flatMap(({ envelopes }) =>
          envelopes.map(({ evpid }) => resultOf(evpid, "delivered")),
        );
      },
    },
    100,
  );
  for (const task of [ann, ben, ann, ben]) await memory.attempt(task);
  assert.deepEqual(attempts, [ann, ben]);
});

test("as many ends are remembered as a queue can leave unrecorded, and not for ever", async () => {
  const size = 500;
  let attempts = 0;
  const memory = new AttemptMemory(
    {
      async attempt({ envelopes }) {
        attempts++;
        return envelopes.map(({ evpid }) => resultOf(evpid, "delivered"));
      },
    },
    size,
  );
  for (let n = 0; n < size; n++) await memory.attempt(nth(n));
  await memory.attempt(nth(0));
  assert.equal(attempts, size);
  for (let n = 0; n <= 2 * size; n++) await memory.attempt(nth(size + n));
  await memory.attempt(nth(0));
  assert.equal(attempts, 3 * size + 2);
});

test("whenever whichever queue asks, each is attempted until its end, never twice at once", async () => {
  const anyAsking = fc.record({
    atMs: fc.nat(5 * TAKES_MS),
    to: fc.uniqueArray(fc.constantFrom("ann", "ben", "dan"), { minLength: 1 }),
  });
  const anyOutcomes = fc.infiniteStream(fc.constantFrom<Outcome>("deferred", "delivered"));
  await fc.assert(
    fc.asyncProperty(fc.array(anyAsking, { minLength: 1 }), anyOutcomes, async (askings, ends) => {
      const courier = new Courier();
      courier.outcomeFor = () => ends.next().value;
      const asked = askings.map(async ({ atMs, to }) => {
        await courier.passes(atMs);
        return courier.asked(...to);
      });
      for (const answer of await courier.answers(asked)) {
        assert.match(answer, /^\d+ ms:(?: deferred| delivered)+$/u);
      }
    }),
  );
});
