import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { allQueued } from "#test/support/queued.ts";
import { DAY_MS, MailSystem } from "./mail-system.ts";

test("A crash in the middle of an attempt makes a second attempt, at once", async () => {
  const system = new MailSystem(1);
  system.carrier.holds = true;
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(5000);
  await system.restart();
  system.carrier.holds = false;
  system.carrier.release();
  await system.clock.advance(1000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 5]);
  assert.equal(system.size, 0);
});

test("A crash between deliveries repeats none of those that are recorded, and keeps retry counts", async () => {
  const system = new MailSystem(2);
  system.carrier.script = ({ destination }) => ({
    outcome: destination.startsWith("bob") ? "delivered" : "deferred",
  });
  await system.send({ to: ["bob@far.example", "carol@far.example"] });
  await system.clock.advance(500_000);
  await system.restart();
  await system.clock.advance(1_200_000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0]);
  assert.deepEqual(system.attemptSeconds("carol@far.example"), [0, 400, 1600]);
  assert.equal((await allQueued(system.queue))[0]?.retryCount, 3);
});

test("A result that cannot be stored is stored later; its envelope is not tried again meanwhile", async () => {
  const system = new MailSystem(3);
  let isFull = false;
  system.spool.fate = () => (isFull ? "full" : "durable");
  await system.send({ to: ["bob@far.example"] });
  isFull = true;
  await system.clock.advance(DAY_MS);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0]);
  assert.equal((await allQueued(system.queue))[0]?.reason.kind, "recording");
  isFull = false;
  await system.clock.advance(60_000);
  assert.equal(system.size, 0);
  assert.deepEqual(system.carrier.delivered, ["bob@far.example"]);
});

test("A refused commit is refused to the client, and nothing of it is delivered", async () => {
  for (const why of ["full", "failed"] as const) {
    const system = new MailSystem(4);
    system.spool.fate = () => why;
    const { receipt } = await system.send({ to: ["bob@far.example"] });
    assert.deepEqual(receipt, { kind: "refused", why });
    await system.clock.advance(DAY_MS);
    assert.equal(system.carrier.attempts.length, 0);
    assert.equal(system.size, 0);
  }
});

test("A carrier that forgets a recipient has deferred it", async () => {
  const system = new MailSystem(5);
  let calls = 0;
  system.carrier.script = () => ({ outcome: ++calls === 1 ? "silent" : "delivered" });
  await system.send({ to: ["bob@far.example"] });
  await system.clock.advance(400_000);
  assert.deepEqual(system.attemptSeconds("bob@far.example"), [0, 400]);
  assert.equal(system.size, 0);
});

test("Whenever it crashes and whatever it is told, accepted mail is delivered or bounced, and twice only around a crash", async () => {
  const step = fc.record({
    letters: fc.nat(3),
    passMs: fc.nat(2_000_000),
    crashes: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, seed) => {
      const system = new MailSystem(seed);
      system.carrier.takesMs = 700;
      system.carrier.script = ({ destination }) => {
        const roll = (destination.length * 7 + Math.floor(system.clock.monotonicMs() / 1000)) % 5;
        if (destination === "alice@example.com") return { outcome: "delivered" };
        return { outcome: roll === 0 ? "failed" : roll < 3 ? "deferred" : "delivered" };
      };
      const accepted: string[] = [];
      let crashes = 0;
      for (const { letters, passMs, crashes: isCrash } of steps) {
        for (let at = 0; at < letters; at++) {
          const to = `user${accepted.length}@${at === 0 ? "far" : "near"}.example`;
          const { receipt } = await system.send({ to: [to] });
          assert.equal(receipt.kind, "accepted");
          accepted.push(to);
        }
        await system.clock.advance(passMs);
        if (!isCrash) continue;
        await system.restart();
        crashes++;
      }
      await system.clock.advance(6 * DAY_MS);
      assert.equal(system.size, 0);
      for (const to of accepted) {
        const deliveries = system.carrier.delivered.filter((each) => each === to).length;
        assert.ok(deliveries <= 1 + crashes, `${to} was delivered ${deliveries} times`);
        const isBounced =
          system.seen("expired").some(({ envelope }) => envelope.destination === to) ||
          system
            .seen("delivery")
            .some(
              ({ envelope, result }) => envelope.destination === to && result.outcome === "failed",
            );
        assert.ok(deliveries > 0 || isBounced, `${to} was lost (seed ${seed})`);
      }
    }),
    { numRuns: 60 },
  );
});
