import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found } from "#base/lookup.ts";
import type { RunResult } from "#base/ports/children.ts";
import { exited, SimChildren } from "#world/sim/children.ts";
import { SimClock } from "#world/sim/clock.ts";
import { nodeChildren } from "./children.ts";
import { nodeClock } from "./clock.ts";
import { nodeUsers } from "./users.ts";

const ALICE = { name: "alice", uid: 1000, gid: 100, home: "/home/alice" };
const ALICE_LINE = "alice:x:1000:100:Alice,,,:/home/alice:/bin/sh\n";

/** Users of a getent that answers as `getent` says; `asked` are the names it got, of each question. */
function usersOf(getent: (names: string) => RunResult | Promise<RunResult>): {
  readonly users: ReturnType<typeof nodeUsers>;
  readonly asked: string[];
  readonly clock: SimClock;
} {
  const clock = new SimClock();
  const asked: string[] = [];
  const children = new SimChildren(clock, {
    getent({ command }) {
      const names = command.slice(2).join(" ");
      asked.push(names);
      return getent(names);
    },
  });
  return { users: nodeUsers(children, clock), asked, clock };
}

test("a user is found with uid, gid and home", async () => {
  const { users } = usersOf(() => exited(0, ALICE_LINE));
  assert.deepEqual(await users.lookup("alice"), { kind: "found", value: ALICE });
});

test("a user that getent does not find is absent, and any other failure is not", async () => {
  const { users } = usersOf((name) => (name === "nobody-here" ? exited(2) : exited(1)));
  assert.deepEqual(await users.lookup("nobody-here"), { kind: "absent" });
  assert.equal((await users.lookup("alice")).kind, "unavailable");
});

test("a time-out, a missing getent and a strange answer are unavailable", async () => {
  const hanging = usersOf(() => new Promise(() => {}));
  const asked = hanging.users.lookup("alice");
  const answer = await hanging.clock.runUntilSettled(asked, 60_000);
  assert.equal(answer.kind, "unavailable");
  const missing = nodeUsers(new SimChildren(new SimClock()), new SimClock());
  assert.equal((await missing.lookup("alice")).kind, "unavailable");
  const strange = usersOf(() => exited(0, "alice:x:one:100::/home/alice:/bin/sh\n"));
  assert.equal((await strange.users.lookup("alice")).kind, "unavailable");
});

test("an entry of another name is no answer", async () => {
  const { users } = usersOf(() => exited(0, ALICE_LINE));
  assert.deepEqual(await users.lookup("Alice"), { kind: "absent" });
});

test("a user is found by number, with the name of the first entry, and asked for once", async () => {
  const { users, asked } = usersOf((key) => (key === "1000" ? exited(0, ALICE_LINE) : exited(2)));
  assert.deepEqual(await users.lookupUid(1000), { kind: "found", value: ALICE });
  assert.deepEqual(await users.lookupUid(1000), { kind: "found", value: ALICE });
  assert.deepEqual(await users.lookupUid(1001), { kind: "absent" });
  assert.deepEqual(asked, ["1000", "1001"]);
  assert.equal((await usersOf(() => exited(1)).users.lookupUid(1000)).kind, "unavailable");
});

test("what is no number of a user is absent without a question, an entry of another no answer", async () => {
  const { users, asked } = usersOf(() => exited(0, ALICE_LINE));
  for (const uid of [-1, 1.5, Number.NaN])
    assert.deepEqual(await users.lookupUid(uid), { kind: "absent" });
  assert.deepEqual(asked, []);
  assert.deepEqual(await users.lookupUid(1001), { kind: "absent" });
});

test("a name that no user can have is absent without a question", async () => {
  const { users, asked } = usersOf(() => exited(0, ALICE_LINE));
  for (const name of [
    "",
    "0",
    "1000",
    "-s",
    "a:b",
    "a/b",
    "a b",
    "a\0",
    "a\n",
    "é",
    "a".repeat(300),
  ]) {
    assert.deepEqual(await users.lookup(name), { kind: "absent" }, JSON.stringify(name));
  }
  assert.deepEqual(asked, []);
});

test("an answer is kept for a few seconds, a failure is not", async () => {
  let works = false;
  const { users, asked, clock } = usersOf(() => (works ? exited(0, ALICE_LINE) : exited(1)));
  await users.lookup("alice");
  works = true;
  await users.lookup("alice");
  await Promise.all([users.lookup("alice"), users.lookup("alice")]);
  assert.equal(asked.length, 2);
  await clock.advance(5_001);
  await users.lookup("alice");
  assert.equal(asked.length, 3);
});

test("names that are asked for together are one question, and each has its own answer", async () => {
  const BEN = { name: "ben", uid: 1001, gid: 100, home: "/home/ben" };
  const { users, asked } = usersOf(() =>
    exited(2, `ben:x:1001:100::/home/ben:/bin/sh\n${ALICE_LINE}`),
  );
  const answers = await Promise.all([
    users.lookup("alice"),
    users.lookup("nobody-here"),
    users.lookupUid(1001),
    users.lookup("ben"),
  ]);
  assert.deepEqual(asked, ["alice nobody-here 1001 ben"]);
  assert.deepEqual(answers, [found(ALICE), ABSENT, found(BEN), found(BEN)]);
});

test("a name that a directory takes too long to find is unavailable, and no other with it", async () => {
  const { users, asked, clock } = usersOf((names) =>
    names.split(" ").includes("slow") ? new Promise(() => {}) : exited(2, ALICE_LINE),
  );
  const asking = Promise.all(["ben", "slow", "alice"].map((name) => users.lookup(name)));
  const answers = await clock.runUntilSettled(asking, 60_000);
  assert.deepEqual(asked, ["ben slow alice", "ben", "slow", "alice"]);
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ["absent", "unavailable", "found"],
  );
});

test("a directory that answers nothing is asked for two names alone, and fails for all of them", async () => {
  const { users, asked, clock } = usersOf(() => new Promise(() => {}));
  const names = ["a", "b", "c", "d"];
  const asking = Promise.all(names.map((name) => users.lookup(name)));
  for (const { kind } of await clock.runUntilSettled(asking, 60_000))
    assert.equal(kind, "unavailable");
  assert.deepEqual(asked, ["a b c d", "a", "b"]);
});

test("a question that fails is unavailable for all that it was for", async () => {
  const { users } = usersOf(() => exited(1, ALICE_LINE));
  const answers = await Promise.all([users.lookup("alice"), users.lookup("ben")]);
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ["unavailable", "unavailable"],
  );
});

test("an answer without as many entries as it says is unavailable", async () => {
  const { users } = usersOf(() => exited(0, ""));
  assert.equal((await users.lookup("alice")).kind, "unavailable");
});

test("a flood of names is four questions at a time of sixteen names, and the excess is turned away", async () => {
  const answers: (() => void)[] = [];
  const { users, asked, clock } = usersOf(
    () => new Promise((resolve) => answers.push(() => resolve(exited(2)))),
  );
  const lookups = Array.from({ length: 300 }, (_, at) => users.lookup(`user${at}`));
  await clock.settle();
  assert.equal(asked.length, 4);
  assert.ok(asked.every((names) => names.split(" ").length === 16));
  while (answers.length > 0) {
    answers.shift()?.();
    await clock.settle();
  }
  const kinds = (await Promise.all(lookups)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "absent").length, 256);
  assert.equal(kinds.filter((kind) => kind === "unavailable").length, 300 - 256);
});

test("this machine's root is found by the real getent", async () => {
  const answer = await nodeUsers(nodeChildren(), nodeClock()).lookup("root");
  assert.equal(answer.kind, "found");
  assert.deepEqual([answer.value.name, answer.value.uid], ["root", 0]);
});
