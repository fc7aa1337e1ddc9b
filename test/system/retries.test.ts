import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReason, reasonName } from "#engine/scheduler/wait-reason.ts";
import { allQueued } from "#test/support/queued.ts";
import { DAY_MS, MailSystem, TTL_MS } from "./mail-system.ts";

/** Offsets `base * n²` within four days, in seconds. */
function squares(baseSeconds: number): readonly number[] {
  const offsets: number[] = [];
  for (let n = 0; baseSeconds * n * n < TTL_MS / 1000; n++) offsets.push(baseSeconds * n * n);
  return offsets;
}

test("Relayed mail that stays deferred is tried at 400 n² seconds for four days, then bounced", async () => {
  const system = new MailSystem(1);
  system.carrier.script = ({ destination }) =>
    destination === "bob@far.example"
      ? { outcome: "deferred", status: "4.4.1", diagnostic: "Connection refused" }
      : { outcome: "delivered" };
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(5 * DAY_MS);

  assert.deepEqual(system.attemptSeconds("bob@far.example"), squares(400));
  assert.deepEqual(
    system.seen("expired").map((event) => [event.delayMs, event.diagnostic]),
    [[TTL_MS, "Envelope expired"]],
  );
  assert.deepEqual(system.attemptSeconds("alice@example.com"), [TTL_MS / 1000]);
  assert.equal(system.size, 0);
  assert.equal(system.clock.pendingTimers, 0);
});

test("Local mail that stays deferred is tried at 10 n² seconds", async () => {
  const system = new MailSystem(2);
  system.carrier.script = (_envelope, { reversePath }) => ({
    outcome: reversePath === "" ? "delivered" : "deferred",
  });
  await system.send({ to: ["bob@example.com"] });
  await system.clock.advance(5 * DAY_MS);
  assert.deepEqual(system.attemptSeconds("bob@example.com"), squares(10));
});

test("An attempt that takes longer than the back-off is followed by the next offset in the future", async () => {
  const system = new MailSystem(3);
  system.carrier.script = () => ({ outcome: "deferred" });
  system.carrier.takesMs = 1000 * 1000;
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(12_000 * 1000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 1600, 3600, 6400, 10_000]);
});

test("A wall clock that jumps hurries, delays and expires nothing", async () => {
  for (const jumpMs of [30 * DAY_MS, -30 * DAY_MS]) {
    const system = new MailSystem(4);
    system.carrier.script = () => ({ outcome: "deferred" });
    await system.send({ to: ["bob@far.example"] });
    await system.clock.advance(2000 * 1000);
    system.clock.jumpWall(jumpMs);
    await system.clock.advance(2000 * 1000);
    assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 400, 1600, 3600]);
    assert.equal(system.size, 1);
  }
});

test("After a restart with a clock that ran ahead, mail gets one try more before it expires", async () => {
  const system = new MailSystem(5);
  system.carrier.script = ({ destination }) => ({
    outcome: destination === "bob@far.example" ? "deferred" : "delivered",
  });
  await system.send({ to: ["bob@far.example", "carol@near.example"] });
  await system.clock.advance(100 * 1000);
  system.clock.jumpWall(30 * DAY_MS);
  await system.restart();
  await system.clock.advance(1000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 100]);
  assert.equal(system.seen("expired").length, 1);
  assert.equal(system.size, 0);
});

test("After a restart with a clock that went back, mail is tried no later than its back-off says", async () => {
  const system = new MailSystem(6);
  system.carrier.script = () => ({ outcome: "deferred" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(100 * 1000);
  system.clock.jumpWall(-30 * DAY_MS);
  await system.restart();
  await system.clock.advance(500 * 1000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 500]);
});

test("What a machine slept through is tried within a minute, and what expired meanwhile has its try", async () => {
  const system = new MailSystem(7);
  let isUp = false;
  system.carrier.script = ({ destination }) => ({
    outcome: isUp || destination === "alice@example.com" ? "delivered" : "deferred",
  });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(100 * 1000);
  system.clock.sleep(5 * 3600 * 1000);
  await system.clock.advance(61 * 1000);
  assert.equal(system.attemptSeconds("bob@far.example").length, 2);
  // The next sleep is longer than the queue tries mail.
  system.clock.sleep(6 * DAY_MS);
  isUp = true;
  await system.clock.advance(61 * 1000);
  assert.deepEqual(system.carrier.delivered, ["bob@far.example"]);
  assert.equal(system.seen("expired").length, 0);
});

test("Who had its last chance after a sleep, and failed, expires", async () => {
  const system = new MailSystem(8);
  system.carrier.script = ({ destination }) => ({
    outcome: destination === "bob@far.example" ? "deferred" : "delivered",
  });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(100 * 1000);
  system.clock.sleep(6 * DAY_MS);
  await system.clock.advance(61 * 1000);
  assert.equal(system.attemptSeconds("bob@far.example").length, 2);
  assert.equal(system.seen("expired").length, 1);
  assert.equal(system.size, 0);
});

test("Mail that is held back says so, and its tries, and its time, begin with its release", async () => {
  const system = new MailSystem(9);
  system.carrier.script = () => ({ outcome: "deferred" });
  const holdMs = 10 * 3600 * 1000;
  await system.send({
    to: ["bob@far.example"],
    terms: { holdUntilMs: system.clock.wallMs() + holdMs },
  });
  await system.clock.settle();
  const held = await reasonOfAll(system);
  assert.deepEqual(held, [`hold until ${holdMs / 1000}`]);
  await system.restart();
  assert.deepEqual(await reasonOfAll(system), held);
  await system.clock.advance(holdMs + 3_600_000);
  assert.deepEqual(
    system.attemptSeconds("bob@far.example"),
    [0, 400, 1600, 3600].map((offset) => offset + holdMs / 1000),
  );
  assert.deepEqual(await reasonOfAll(system), [`retry until ${holdMs / 1000 + 6400}`]);
});

test("After a restart with a clock that went back, mail is held back for no longer than was asked", async () => {
  const system = new MailSystem(10);
  await system.send({
    to: ["bob@far.example"],
    terms: { holdUntilMs: system.clock.wallMs() + 3_600_000 },
  });
  await system.clock.advance(60_000);
  system.clock.jumpWall(-30 * DAY_MS);
  await system.restart();
  await system.clock.advance(DAY_MS);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [3660]);
});

/** With times in seconds since the start. */
async function reasonOfAll({ queue, clock }: MailSystem): Promise<readonly string[]> {
  const startMs = clock.wallMs() - clock.monotonicMs();
  const queued = await allQueued(queue);
  return queued.map(({ reason }) =>
    "untilMs" in reason ? `${reason.kind} until ${(reason.untilMs - startMs) / 1000}` : reason.kind,
  );
}

test("What a limit of relaying holds back is tried when the limit ends, names it, and has used up no try", async () => {
  const system = new MailSystem(7);
  const { clock, carrier, queue } = system;
  carrier.script = () => ({
    outcome: "deferred",
    status: "4.4.1",
    diagnostic: "No valid route to destination",
    held: { limit: "mta penalty", untilMs: clock.wallMs() + 15_000 },
  });
  await system.send({ to: ["bob@far.example"] });
  await clock.advance(10_000);
  const [held] = await allQueued(queue);
  assert.deepEqual(
    [held?.reason.kind, held && reasonName(held.reason), held?.retryCount],
    ["limit", "limit mta penalty", 0],
  );
  assert.equal(held && formatReason(held.reason, clock.wallMs()), "limit mta penalty for 5 s");

  carrier.script = () => ({ outcome: "deferred", diagnostic: "Busy" });
  await clock.advance(10_000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 15]);
  const [tried] = await allQueued(queue);
  assert.deepEqual([tried?.reason.kind, tried?.retryCount, tried?.lastError], ["retry", 1, "Busy"]);
});

test("A limit that ends late, or in the past, makes no later and no more tries than it may", async () => {
  const system = new MailSystem(8);
  const { clock, carrier } = system;
  let untilMs = Number.MAX_SAFE_INTEGER;
  carrier.script = () => ({ outcome: "deferred", held: { limit: "mta penalty", untilMs } });
  await system.send({ to: ["bob@far.example"] });
  await clock.advance(401_000);
  untilMs = 0;
  await clock.advance(1_200_500);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 400, 1600, 1601]);
});
