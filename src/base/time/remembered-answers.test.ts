import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { RememberedAnswers } from "./remembered-answers.ts";

interface Answer {
  readonly kind: "found" | "unavailable";
  readonly number: number;
}

/** Numbers its answers. */
class Desk {
  readonly clock = new SimClock();
  readonly #remembered = new RememberedAnswers<Answer>(this.clock, { keptMs: 1000, maxKept: 2 });
  kind: Answer["kind"] = "found";
  asked = 0;

  async ask(question: string): Promise<number> {
    const known = this.#remembered.known(question);
    const { number } = await (known ?? this.#remembered.keep(question, this.#answer()));
    return number;
  }

  async #answer(): Promise<Answer> {
    this.asked++;
    return { kind: this.kind, number: this.asked };
  }
}

test("an answer is given again for its time, and then asked for anew", async () => {
  const desk = new Desk();
  assert.equal(await desk.ask("a"), 1);
  await desk.clock.advance(999);
  assert.equal(await desk.ask("a"), 1);
  await desk.clock.advance(1);
  assert.equal(await desk.ask("a"), 2);
});

test("who asks while an answer is under way gets that one", async () => {
  const desk = new Desk();
  assert.deepEqual(await Promise.all([desk.ask("a"), desk.ask("a"), desk.ask("b")]), [1, 1, 2]);
});

test("what was unavailable is asked for again", async () => {
  const desk = new Desk();
  desk.kind = "unavailable";
  assert.deepEqual([await desk.ask("a"), await desk.ask("a")], [1, 2]);
  desk.kind = "found";
  assert.deepEqual([await desk.ask("a"), await desk.ask("a")], [3, 3]);
});

test("beyond the bound the oldest is forgotten, and one asked for anew is not the oldest", async () => {
  const desk = new Desk();
  await desk.ask("a");
  await desk.ask("b");
  await desk.clock.advance(1000);
  await desk.ask("a");
  await desk.ask("c");
  assert.equal(await desk.ask("a"), 3);
  assert.equal(await desk.ask("b"), 5);
});

test("a question that fails is not remembered, and fails only for whoever asked it", async () => {
  const remembered = new RememberedAnswers<Answer>(new SimClock(), { keptMs: 1000, maxKept: 2 });
  await assert.rejects(remembered.keep("a", Promise.reject(new Error("a bug"))), /a bug/u);
  assert.equal(remembered.known("a"), undefined);
});
