import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { OpenQuestions, type QuestionTerms } from "./open-questions.ts";

const TERMS: QuestionTerms<string> = { withinMs: 100, without: (why) => why };

/** Questions, and the numbers that were sent. */
function asking() {
  const clock = new SimClock();
  const questions = new OpenQuestions<string>(clock);
  const sent: number[] = [];
  const ask = (): Promise<string> => questions.ask((request) => sent.push(request), TERMS);
  return { clock, questions, sent, ask };
}

test("answers come to the questions whose numbers they have, in any order", async () => {
  const { questions, sent, ask } = asking();
  const answers = Promise.all([ask(), ask()]);
  const [first = 0, second = 0] = sent;
  questions.answered(second, "b");
  questions.answered(first, "a");
  assert.deepEqual(await answers, ["a", "b"]);
  assert.equal(questions.size, 0);
});

test("a question that is not answered in time is too late, and its answer then ignored", async () => {
  const { clock, questions, sent, ask } = asking();
  const answer = ask();
  await clock.advance(100);
  questions.answered(sent[0] ?? 0, "a");
  assert.equal(await answer, "too-late");
  assert.equal(questions.size, 0);
});

test("what is open when the other end goes away is lost, and no timer is left", async () => {
  const { clock, questions, ask } = asking();
  const answers = Promise.all([ask(), ask()]);
  questions.lost();
  assert.deepEqual(await answers, ["lost", "lost"]);
  assert.equal(clock.pendingTimers, 0);
});

test("what is open is sent again under its number, and what was answered is not", () => {
  const { questions, sent, ask } = asking();
  void ask();
  void ask();
  const [first = 0, second = 0] = sent.splice(0);
  questions.answered(first, "a");
  questions.sendAgain();
  assert.deepEqual(sent, [second]);
});
