import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_AGENTS, Office, userOf } from "#test/support/agent-office.ts";
import { maxAgentsFor } from "./agent-pool.ts";

/** The clock reaches a time of which the pool has not told. */
const A_MOMENT_MS = 1_000;

test("the agent that was asked for least recently makes room, with time to finish", async () => {
  const office = await Office.full();
  await office.connect("own", "user0");
  await office.clock.advance(A_MOMENT_MS);
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  assert.deepEqual(office.asked, ["user1"]);
  assert.deepEqual(office.childOf("user1").signals, []);
  assert.equal(office.launched.length, MAX_AGENTS, "its place is taken until it is gone");
  office.childOf("user1").exits("exited with 0");
  await office.clock.settle();
  office.childOf("ann").says({ kind: "ready" });
  assert.equal(await answer, undefined);
});

test("an agent that does not go is killed in the end, and its place is free", async () => {
  const office = await Office.full();
  await office.clock.advance(A_MOMENT_MS);
  void office.connect("own", "ann");
  await office.clock.advance(29_000);
  assert.deepEqual(office.childOf("user0").signals, []);
  await office.clock.advance(2_000);
  assert.deepEqual(office.childOf("user0").signals, ["SIGKILL"]);
  assert.equal(office.launched.at(-1)?.user.name, "ann");
});

test("an agent that was just handed over is left the time to be given something", async () => {
  const office = await Office.full();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  assert.deepEqual(office.asked, []);
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0"]);
  office.childOf("user0").exits("exited with 0");
  await office.clock.settle();
  office.childOf("ann").says({ kind: "ready" });
  assert.equal(await answer, undefined);
});

test("an agent that took long to start is not asked to end before it was handed over", async () => {
  const office = new Office();
  for (let n = 0; n <= MAX_AGENTS; n++) office.users.set(userOf(`user${n}`, 2000 + n));
  const answers = Array.from({ length: MAX_AGENTS + 1 }, (_, n) =>
    office.connect("own", `user${n}`),
  );
  await office.clock.advance(A_MOMENT_MS);
  for (const { child } of office.launched) child.says({ kind: "ready" });
  assert.deepEqual(await Promise.all(answers.slice(0, MAX_AGENTS)), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(office.asked, []);
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0"]);
});

test("as many agents make room as others wait, and each waiting account is served in turn", async () => {
  const office = await Office.full();
  const names = ["ben", "carla", "dora"];
  for (const [n, name] of names.entries()) office.users.set(userOf(name, 3000 + n));
  const answers = names.map((name) => office.connect("own", name));
  await office.clock.advance(A_MOMENT_MS);
  assert.deepEqual(office.asked, ["user0", "user1", "user2"]);
  for (const name of office.asked) office.childOf(name).exits("exited with 0");
  await office.clock.settle();
  for (const name of names) office.childOf(name).says({ kind: "ready" });
  assert.deepEqual(await Promise.all(answers), [undefined, undefined, undefined]);
});

test("who finds no place in time is refused", async () => {
  const office = await Office.full();
  for (const { child } of office.launched) child.kill = () => undefined;
  const answer = office.connect("own", "ann");
  await office.clock.advance(51_000);
  assert.match((await answer) ?? "", /No place/u);
  assert.equal(office.launched.length, MAX_AGENTS);
});

test("an agent that cannot be started for lack of descriptors is a refusal, and the parent goes on", async () => {
  const office = new Office();
  const answer = office.connect("own", "ann");
  await office.clock.settle();
  // As launch.ts makes a child that the system refuses.
  office.childOf("ann").exits("could not be started: spawn node EMFILE");
  assert.match((await answer) ?? "", /could not be started/u);
  assert.deepEqual(office.warnings, ["agent ann could not be started: spawn node EMFILE"]);
  assert.equal(await office.connected("own", "ann"), undefined);
});

test("a pair that cannot be made is a refusal, and the next request is served", async () => {
  const office = new Office();
  office.pairs.fault = "connect EMFILE";
  assert.match((await office.connected("own", "ann")) ?? "", /connect EMFILE/u);
  office.pairs.fault = undefined;
  assert.equal(await office.connect("own", "ann"), undefined);
});

test("a dispatcher that does not get its end is refused in time, and may ask again", async () => {
  const office = new Office();
  office.dispatcher.losesHandovers = true;
  const answer = office.connected("own", "ann");
  await office.clock.runUntilSettled(answer, 11_000);
  assert.match((await answer) ?? "", /did not arrive/u);
  office.dispatcher.losesHandovers = false;
  assert.equal(await office.connect("own", "ann"), undefined);
});

test("of the descriptors that a process may have, agents take what others leave", () => {
  const bounds = [16, 64, 128, 256, 1024, 1_048_576].map((max) =>
    maxAgentsFor({ max, open: 34, agents: 0, missing: 0 }),
  );
  assert.deepEqual(bounds, [1, 1, 13, 45, 128, 128]);
});

test("those of agents that run are not counted twice, and those of a process that is to come back are kept", () => {
  const parent = { max: 128, open: 34, agents: 0, missing: 0 };
  const full = maxAgentsFor(parent);
  for (let agents = 0; agents <= full; agents++)
    assert.equal(maxAgentsFor({ ...parent, agents, open: 34 + 4 * agents }), full);
  assert.equal(maxAgentsFor({ ...parent, open: 30, missing: 1 }), full);
  assert.equal(maxAgentsFor({ ...parent, open: 34 + 20 }), full - 5, "whatever else is open");
});
