import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserAnswer } from "#model/ipc/parent-link.ts";
import { SimClock } from "#world/sim/clock.ts";
import { RemoteUsers } from "./remote-users.ts";

const FOUND: UserAnswer = {
  kind: "found",
  value: { name: "ann", uid: 1001, gid: 1001, home: "/home/ann" },
};

class Questions {
  readonly clock: SimClock = new SimClock();
  readonly asked: { readonly request: number; readonly name: string }[] = [];
  readonly users: RemoteUsers = new RemoteUsers(this.clock, (request, name) =>
    this.asked.push({ request, name }),
  );

  /** Answers the last question. */
  answer(answer: UserAnswer): void {
    const request = this.asked.at(-1)?.request ?? 0;
    this.users.answered({ kind: "user", request, answer });
  }
}

test("found, absent and unavailable stay three answers", async () => {
  for (const said of [FOUND, { kind: "absent" }, { kind: "unavailable" }] as const) {
    const questions = new Questions();
    const answer = questions.users.lookup("ann");
    questions.answer(said);
    assert.equal((await answer).kind, said.kind);
  }
});

test("a question that waits or was answered just now is not asked again", async () => {
  const questions = new Questions();
  const both = [questions.users.lookup("ann"), questions.users.lookup("ann")];
  questions.answer(FOUND);
  await Promise.all(both);
  await questions.clock.advance(9_000);
  assert.deepEqual(await questions.users.lookup("ann"), FOUND);
  assert.equal(questions.asked.length, 1);
  await questions.clock.advance(2_000);
  void questions.users.lookup("ann");
  assert.equal(questions.asked.length, 2);
});

test("a failure is not remembered", async () => {
  const questions = new Questions();
  const answer = questions.users.lookup("ann");
  questions.answer({ kind: "unavailable" });
  await answer;
  const again = questions.users.lookup("ann");
  questions.answer({ kind: "absent" });
  assert.deepEqual(await again, { kind: "absent" });
});

test("names that no user has are absent without a question", async () => {
  const questions = new Questions();
  for (const name of ["", "x".repeat(257), "ü".repeat(5_000)]) {
    assert.deepEqual(await questions.users.lookup(name), { kind: "absent" });
  }
  assert.deepEqual(questions.asked, []);
});

test("answers find their questions in any order; one that nobody asked for is ignored", async () => {
  const questions = new Questions();
  const ann = questions.users.lookup("ann");
  const ben = questions.users.lookup("ben");
  questions.users.answered({ kind: "user", request: 99, answer: FOUND });
  questions.users.answered({ kind: "user", request: 2, answer: { kind: "absent" } });
  questions.users.answered({ kind: "user", request: 1, answer: FOUND });
  assert.equal((await ann).kind, "found");
  assert.equal((await ben).kind, "absent");
});

test("however many names strangers try, only the last ten thousand are remembered", async () => {
  const questions = new Questions();
  for (let n = 0; n < 10_001; n++) {
    const answer = questions.users.lookup(`user${n}`);
    questions.answer({ kind: "absent" });
    await answer;
  }
  await questions.users.lookup("user1");
  assert.equal(questions.asked.length, 10_001);
  void questions.users.lookup("user0");
  assert.equal(questions.asked.length, 10_002, "the oldest was forgotten");
});
