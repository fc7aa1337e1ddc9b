import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { SimClock } from "#world/sim/clock.ts";
import { configOf } from "#test/support/config-of.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import type { QueueDoor } from "./queue-door.ts";
import { DOOR_TIMEOUT_MS, GATHERING_MS, QueueDoors } from "./queue-doors.ts";

const { actions } = configOf(
  'action "out" relay',
  'action "box" maildir "/mail/%{user.username}" user vmail',
  'match from any for any action "out"',
);

/** A door that delivers everything, and says which one it is. */
function doorNamed(name: string): QueueDoor {
  const attempt = async (task: DeliveryTask): Promise<readonly DeliveryResult[]> =>
    task.envelopes.map(({ evpid }) => ({
      evpid,
      outcome: "delivered",
      status: "2.0.0",
      diagnostic: name,
      remote: "",
    }));
  return { carrier: { attempt } } as unknown as QueueDoor;
}

function letterTo(domain: string): DeliveryTask {
  const envelope = localEnvelope("0000000a", "out", "ann");
  return taskOf({ ...envelope, destination: `ann@${domain}`, transport: { kind: "mta" } });
}

/** Mail for an account has a route of its own for each. */
function letterFor(user: string): DeliveryTask {
  return taskOf(localEnvelope("0000000a", "box", user));
}

async function deliveredBy(doors: QueueDoors, domain: string): Promise<string> {
  const [result] = await doors.attempt(letterTo(domain));
  return `${result?.outcome} ${result?.diagnostic}`;
}

test("all mail of a route goes to one dispatcher, and routes are spread over all", async () => {
  const doors = new QueueDoors(new SimClock(), actions, 3);
  for (const index of [0, 1, 2]) doors.add(index, doorNamed(`door ${index}`));
  const used = new Set<string>();
  for (let n = 0; n < 50; n++) {
    const [first] = await doors.attempt(letterFor(`user${n}`));
    const [second] = await doors.attempt(letterFor(`user${n}`));
    assert.equal(first?.diagnostic, second?.diagnostic);
    used.add(first?.diagnostic ?? "");
  }
  assert.equal(used.size, 3);
});

test("one dispatcher relays to all domains, and stays the one while it lives", async () => {
  const doors = new QueueDoors(new SimClock(), actions, 3);
  const [first, second, third] = [0, 1, 2].map((index) => doorNamed(`door ${index}`));
  if (!first || !second || !third) throw new TypeError("No doors");
  for (const [index, door] of [first, second, third].entries()) doors.add(index, door);
  const relayed = async (): Promise<ReadonlySet<string>> => {
    const domains = Array.from({ length: 20 }, (_, n) => `domain${n}.example`);
    return new Set(await Promise.all(domains.map((domain) => deliveredBy(doors, domain))));
  };
  assert.deepEqual(await relayed(), new Set(["delivered door 0"]));
  doors.remove(0, first);
  assert.deepEqual(await relayed(), new Set(["delivered door 1"]));
  doors.add(0, first);
  assert.deepEqual(await relayed(), new Set(["delivered door 1"]));
  doors.remove(1, second);
  assert.deepEqual(await relayed(), new Set(["delivered door 0"]));
});

test("mail that finds no dispatcher after a restart waits for the first one", async () => {
  const clock = new SimClock();
  const doors = new QueueDoors(clock, actions, 1);
  const attempts = ["a.example", "b.example"].map((domain) => deliveredBy(doors, domain));
  await clock.advance(DOOR_TIMEOUT_MS / 2);
  doors.add(0, doorNamed("door 0"));
  assert.deepEqual(await Promise.all(attempts), ["delivered door 0", "delivered door 0"]);
  assert.equal(clock.pendingTimers, 0);
});

test("after a start a route waits for its own dispatcher, which may know its mail", async () => {
  const users = Array.from({ length: 20 }, (_, n) => `user${n}`);
  const lives = [];
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const doors = new QueueDoors(new SimClock(), actions, 2);
    const attempts = users.map(
      async (user) => (await doors.attempt(letterFor(user)))[0]?.diagnostic,
    );
    for (const index of order) doors.add(index, doorNamed(`door ${index}`));
    lives.push(await Promise.all(attempts));
  }
  assert.deepEqual(lives[0], lives[1]);
  assert.equal(new Set(lives[0]).size, 2);
});

test("a dispatcher that does not come is waited for only so long, and not again", async () => {
  const clock = new SimClock();
  const doors = new QueueDoors(clock, actions, 2);
  const answers: string[] = [];
  const ask = async (): Promise<number> => answers.push(await deliveredBy(doors, "a.example"));
  void ask();
  doors.add(1, doorNamed("door 1"));
  await clock.advance(GATHERING_MS - 1);
  assert.deepEqual(answers, []);
  await clock.advance(1);
  await ask();
  assert.deepEqual(answers, ["delivered door 1", "delivered door 1"]);
});

test("mail that waited for a dispatcher in vain is deferred", async () => {
  const clock = new SimClock();
  const attempt = deliveredBy(new QueueDoors(clock, actions, 1), "a.example");
  const outcome = await clock.runUntilSettled(attempt, 2 * DOOR_TIMEOUT_MS);
  assert.equal(outcome, "deferred No dispatcher is running");
});

test("at the end nothing waits for a dispatcher any more", async () => {
  const doors = new QueueDoors(new SimClock(), actions, 1);
  const attempt = deliveredBy(doors, "a.example");
  doors.close();
  assert.equal(await attempt, "deferred No dispatcher is running");
  assert.equal(await deliveredBy(doors, "b.example"), "deferred No dispatcher is running");
});

test("the loss of an old dispatcher does not take its successor away", async () => {
  const doors = new QueueDoors(new SimClock(), actions, 1);
  const [old, successor] = [doorNamed("old"), doorNamed("successor")];
  doors.add(0, old);
  doors.add(0, successor);
  doors.remove(0, old);
  assert.equal(await deliveredBy(doors, "a.example"), "delivered successor");
  doors.remove(0, successor);
  assert.equal(doors.size, 0);
});
