import assert from "node:assert/strict";
import { test } from "node:test";
import type { WaitReason } from "#engine/scheduler/wait-reason.ts";
import type { Target } from "#model/ipc/control-link.ts";
import { allQueued } from "#test/support/queued.ts";
import { ACTIONS, actionsWithout, DAY_MS, MailSystem, TTL_MS } from "./mail-system.ts";

const ALL: Target = { kind: "all" };

async function reasons(system: MailSystem): Promise<readonly WaitReason["kind"][]> {
  return (await allQueued(system.queue)).map(({ reason }) => reason.kind);
}

test("While a subsystem is paused nothing of it is attempted, and each envelope says so", async () => {
  const system = new MailSystem(1);
  assert.equal(system.queue.pause("mta"), true);
  assert.equal(system.queue.pause("mta"), false);
  await system.send({ to: ["bob@far.example", "carol@example.com"] });
  await system.clock.advance(1000);
  assert.deepEqual(system.carrier.delivered, ["carol@example.com"]);
  assert.deepEqual(
    (await allQueued(system.queue)).map(({ reason }) => reason),
    [{ kind: "paused", subsystem: "mta" }],
  );
  assert.equal(system.queue.resume("mta"), true);
  await system.clock.settle();
  assert.equal(system.size, 0);
});

test("Mail that is paused expires all the same", async () => {
  const system = new MailSystem(2);
  system.queue.pause("mta");
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(5 * DAY_MS);
  assert.equal(system.seen("expired").length, 1);
  assert.deepEqual(system.carrier.delivered, ["alice@example.com"]);
});

test("A suspended envelope stays, over a restart and past its time, until it is resumed", async () => {
  const system = new MailSystem(3);
  system.carrier.script = () => ({ outcome: "deferred" });
  const { msgid } = await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(100_000);
  assert.equal(await system.queue.suspend({ kind: "id", id: msgid }), 1);
  assert.equal(await system.queue.suspend({ kind: "id", id: msgid }), 0);
  assert.equal(await system.queue.schedule(ALL), 0);
  await system.restart();
  await system.clock.advance(10 * DAY_MS);
  assert.deepEqual(await reasons(system), ["suspended"]);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0]);
  assert.equal(await system.queue.unsuspend(ALL), 1);
  await system.clock.settle();
  assert.equal(system.seen("expired").length, 1);
});

test("Orders about an envelope in flight wait for its result", async () => {
  const system = new MailSystem(4);
  system.carrier.script = () => ({ outcome: "deferred" });
  system.carrier.holds = true;
  const first = await system.send({ to: ["bob@far.example"] });
  const second = await system.send({ to: ["carol@near.example"] });
  await system.clock.settle();
  assert.equal(await system.queue.suspend({ kind: "id", id: first.msgid }), 1);
  assert.equal(await system.queue.remove({ kind: "id", id: second.msgid }), 1);
  assert.deepEqual(await reasons(system), ["inflight", "inflight"]);
  system.carrier.release();
  await system.clock.settle();
  assert.deepEqual(await reasons(system), ["suspended"]);
  assert.equal(system.seen("removed").length, 1);
  assert.equal(system.seen("bounce").length, 0);
});

test("Orders that overtake each other: what `remove` has counted is removed, and counted once", async () => {
  const system = new MailSystem(21);
  const { queue, clock } = system;
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example"] });
  await clock.settle();
  system.carrier.holds = true;
  assert.equal(await queue.schedule(ALL), 1);
  await clock.settle();
  // It was paused by the order that came first and was stored last.
  const paused = queue.suspend(ALL);
  assert.equal(await queue.remove(ALL), 1);
  await paused;
  assert.equal(await queue.remove(ALL), 0);
  system.carrier.release();
  await clock.settle();
  assert.equal(system.size, 0);
  assert.equal(system.seen("removed").length, 1);
});

test("Two `remove` at once count each envelope once", async () => {
  const system = new MailSystem(22);
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example", "carol@near.example"] });
  await system.clock.settle();
  const counts = await Promise.all([system.queue.remove(ALL), system.queue.remove(ALL)]);
  assert.deepEqual(counts, [2, 0]);
  assert.equal(system.seen("removed").length, 2);
});

test("`remove` takes away everything that waits, durably and without a bounce", async () => {
  const system = new MailSystem(5);
  system.carrier.script = () => ({ outcome: "deferred" });
  for (let at = 0; at < 30; at++) {
    await system.send({ to: [`a${at}@far.example`, `b${at}@near.example`] });
  }
  await system.clock.advance(1000);
  const one = (await allQueued(system.queue))[0]?.envelope.evpid ?? "";
  assert.equal(await system.queue.remove({ kind: "id", id: one }), 1);
  assert.equal(system.queue.envelope(one), undefined);
  assert.equal(await system.queue.remove(ALL), 59);
  await system.restart();
  await system.clock.advance(DAY_MS);
  assert.equal(system.size, 0);
  assert.equal(system.seen("removed").length, 60);
  assert.equal(system.carrier.attempts.length, 60);
});

test("`remove` that cannot be stored removes nothing", async () => {
  const system = new MailSystem(6);
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.settle();
  system.spool.fate = () => "failed";
  assert.equal(await system.queue.remove(ALL), 0);
  assert.equal(system.size, 1);
});

test("`schedule` tries at once what waits for its next try", async () => {
  const system = new MailSystem(7);
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example", "carol@example.com"] });
  await system.clock.advance(5000);
  assert.equal(await system.queue.schedule(ALL), 2);
  await system.clock.settle();
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 5]);
});

test("Mail for an action that is gone from the configuration stays, says why, and goes on when it is back", async () => {
  const system = new MailSystem(8);
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(1000);
  await system.restart({ actions: new Map() });
  await system.clock.advance(1000 * 1000);
  const [waiting] = await allQueued(system.queue);
  assert.deepEqual(waiting?.reason, { kind: "no-action", action: "out" });
  assert.equal(waiting.retryCount, 1);
  await system.restart();
  await system.clock.settle();
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 1001]);
});

test("Mail whose action a reload takes away waits, and goes on when another brings it back", async () => {
  const system = new MailSystem(10);
  const { queue } = system;
  queue.pause("mta");
  await system.send({ to: ["bob@far.example", "carol@far.example"] });
  const stranded = system.reload({ actions: new Map() });
  assert.deepEqual(stranded, { envelopes: 2, actions: ["out"] });
  queue.resume("mta");
  await system.clock.advance(1000);
  assert.deepEqual(await reasons(system), ["no-action", "no-action"]);
  system.reload({ actions: ACTIONS });
  await system.clock.settle();
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [1]);
  assert.equal(system.size, 0);
});

test("Mail whose action stays away expires by its own time, and its sender is told", async () => {
  const system = new MailSystem(11);
  system.queue.pause("mta");
  await system.send({ to: ["bob@far.example"] });
  system.reload({ actions: actionsWithout("out") });
  await system.clock.advance(TTL_MS + 1000);
  assert.equal(system.seen("expired").length, 1);
  assert.deepEqual(system.carrier.delivered, ["alice@example.com"]);
});

test("`stop` takes nothing more, waits for what is in flight, and records it", async () => {
  const system = new MailSystem(9);
  system.carrier.takesMs = 3000;
  await system.send({ to: ["bob@far.example"] });
  await system.clock.settle();
  const stopped = system.queue.stop();
  assert.deepEqual((await system.send({ to: ["carol@far.example"] })).receipt, {
    kind: "refused",
    why: "failed",
  });
  await system.clock.runUntilSettled(stopped, 5000);
  assert.equal(system.clock.monotonicMs(), 3000);
  await system.restart();
  await system.clock.advance(DAY_MS);
  assert.deepEqual(system.carrier.delivered, ["bob@far.example"]);
});

test("`stop` does not wait for ever for an attempt that never ends", async () => {
  const system = new MailSystem(10);
  system.carrier.holds = true;
  await system.send({ to: ["bob@far.example"] });
  await system.clock.runUntilSettled(system.queue.stop(), 20_000);
  assert.equal(system.clock.monotonicMs(), 10_000);
});

test("A suspended recipient leaves the queue its rest, when the action of another is gone", async () => {
  const system = new MailSystem(20);
  const { queue, clock } = system;
  system.reload({ actions: actionsWithout("out") });
  await system.send({ to: ["bob@far.example", "carol@far.example"] });
  await clock.settle();
  for (const { envelope } of await allQueued(queue)) {
    await queue.suspend({ kind: "id", id: envelope.evpid });
    // It looked at the other again and again, for ever.
    await clock.advance(1000);
    assert.ok(clock.nextDueMs === undefined || clock.nextDueMs > clock.monotonicMs());
    await queue.unsuspend({ kind: "all" });
    await clock.advance(1000);
  }
  system.reload({ actions: ACTIONS });
  await clock.settle();
  assert.equal(system.size, 0);
});
