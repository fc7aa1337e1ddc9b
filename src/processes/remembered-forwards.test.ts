import assert from "node:assert/strict";
import { test } from "node:test";
import type { ForwardFile } from "#model/forward-file.ts";
import { SimClock } from "#world/sim/clock.ts";
import { RememberedForwards } from "./remembered-forwards.ts";

const FOUND: ForwardFile = { kind: "found", text: "bob" };

class Reading {
  readonly clock: SimClock = new SimClock();
  readonly asked: string[] = [];
  readonly resolvers: ((file: ForwardFile) => void)[] = [];
  readonly forwards: RememberedForwards = new RememberedForwards(
    this.clock,
    (action, user) => (action === "shared" ? "vmail" : user),
    {
      read: (_, user) => {
        this.asked.push(user);
        return new Promise((resolve) => this.resolvers.push(resolve));
      },
    },
  );

  answer(file: ForwardFile): void {
    this.resolvers.shift()?.(file);
  }
}

test("a forward file is read once for all who ask within seconds, then again", async () => {
  const reading = new Reading();
  const both = [reading.forwards.read("a", "ann"), reading.forwards.read("b", "ann")];
  reading.answer(FOUND);
  for (const file of both) assert.deepEqual(await file, FOUND);
  await reading.clock.advance(4_900);
  assert.deepEqual(await reading.forwards.read("a", "ann"), FOUND);
  assert.deepEqual(reading.asked, ["ann"]);
  await reading.clock.advance(200);
  void reading.forwards.read("a", "ann");
  assert.deepEqual(reading.asked, ["ann", "ann"]);
});

test("what could not be read is asked for again; that there is none is remembered", async () => {
  const reading = new Reading();
  const answer = reading.forwards.read("a", "ann");
  reading.answer({ kind: "unavailable", why: "it is being edited" });
  await answer;
  const again = reading.forwards.read("a", "ann");
  reading.answer({ kind: "absent" });
  assert.deepEqual(await again, { kind: "absent" });
  assert.deepEqual(await reading.forwards.read("a", "ann"), { kind: "absent" });
  assert.equal(reading.asked.length, 2);
});

test("no more than 16 are asked for at once; the next is unavailable until one is answered", async () => {
  const reading = new Reading();
  const asked = Array.from({ length: 16 }, (_, at) => reading.forwards.read("a", `user${at}`));
  assert.deepEqual(reading.forwards.read("a", "one-more"), {
    kind: "unavailable",
    why: "too many forward files are being read",
  });
  reading.answer(FOUND);
  await asked[0];
  void reading.forwards.read("a", "one-more");
  assert.equal(reading.asked.length, 17);
});

test("accounts are forgotten, oldest first, beyond a thousand", async () => {
  const reading = new Reading();
  for (let at = 0; at <= 1_000; at++) {
    const file = reading.forwards.read("a", `user${at}`);
    reading.answer({ kind: "absent" });
    await file;
  }
  void reading.forwards.read("a", "user1");
  assert.equal(reading.asked.length, 1_001);
  void reading.forwards.read("a", "user0");
  assert.equal(reading.asked.length, 1_002);
});
