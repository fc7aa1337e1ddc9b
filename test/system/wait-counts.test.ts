/** `scheduler.wait.*` of `show stats`, which nothing is walked for, is what a walk finds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { reasonName, type WaitReason } from "#engine/scheduler/wait-reason.ts";
import { queueLimits } from "#test/support/queue-limits.ts";
import { allQueued } from "#test/support/queued.ts";
import { ACTIONS, actionsWithout, MailSystem } from "./mail-system.ts";

const PREFIX = "scheduler.wait.";
type Counts = Readonly<Record<string, number>>;

/** Of those that are not 0. */
function counted(system: MailSystem): Counts {
  const gauges = system.queue.gauges().filter(({ name }) => name.startsWith(PREFIX));
  const counts = gauges.map(({ name, value }) => [name.slice(PREFIX.length), value] as const);
  return Object.fromEntries(counts.filter(([, value]) => value !== 0));
}

async function walked(system: MailSystem): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (const { reason } of await allQueued(system.queue)) {
    const name = nameOf(reason);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function nameOf(reason: WaitReason): string {
  return reason.kind === "no-action" ? reason.kind : reasonName(reason).replaceAll(" ", ".");
}

/** What can happen; `pick` says to whom. */
const STEPS: Readonly<Record<string, (system: MailSystem, pick: number) => unknown>> = {
  send: (system, pick) => system.send({ to: recipients(pick) }),
  hold: (system, pick) =>
    system.send({
      to: recipients(pick),
      terms: { holdUntilMs: system.clock.wallMs() + 1000 * pick },
    }),
  pass: (system, pick) => system.clock.advance(pick * 1000),
  release: ({ carrier }, pick) => carrier.release(pick % 5),
  pause: ({ queue }, pick) => queue.pause(pick % 2 === 0 ? "mta" : "mda"),
  resume: ({ queue }, pick) => queue.resume(pick % 2 === 0 ? "mta" : "mda"),
  async suspend({ queue }, pick) {
    const [, queued] = (await allQueued(queue)).slice(pick % 7);
    if (queued !== undefined) await queue.suspend({ kind: "id", id: queued.envelope.evpid });
  },
  unsuspend: ({ queue }) => queue.unsuspend({ kind: "all" }),
  schedule: ({ queue }) => queue.schedule({ kind: "all" }),
  async remove({ queue }, pick) {
    const [queued] = (await allQueued(queue)).slice(pick % 7);
    if (queued !== undefined) await queue.remove({ kind: "id", id: queued.message.msgid });
  },
  reload: (system, pick) =>
    system.reload({ actions: pick % 3 === 0 ? actionsWithout("out") : ACTIONS }),
  restart: (system) => system.restart(),
};

const LIMITS = queueLimits({ maxInflight: 6, maxConnPerRelay: 2, maxSession: 3, taskHiwat: 3 });

function recipients(pick: number): readonly string[] {
  const all = ["a@one.example", "b@one.example", "c@two.example", "bob@example.com"];
  return all.slice(pick % 4, (pick % 4) + 1 + (pick % 3));
}

test("Whatever happens, the counts are those of a walk", async () => {
  const step = fc.tuple(
    fc.constantFrom("send", "send", "send", "hold", "pass", "release", ...Object.keys(STEPS)),
    fc.nat(1000),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
      const system = new MailSystem(1, LIMITS);
      system.carrier.holds = true;
      system.carrier.script = ({ destination }) => ({
        outcome: destination.startsWith("a") ? "delivered" : "deferred",
      });
      for (const [name, pick] of steps) {
        await STEPS[name]?.(system, pick);
        await system.clock.settle();
        await system.clock.advance(5);
        assert.deepEqual(counted(system), await walked(system), name);
      }
    }),
    { numRuns: 300 },
  );
});
