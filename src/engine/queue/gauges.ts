/**
 * How much there is of what in the queue now. Totals (deliveries, bounces, …) are
 * a fold over events and live in engine/observe.
 *
 * What it costs does not depend on how much waits: only messages that are awake, and the
 * actions that those asleep are meant for, are walked.
 *
 * Source: names of smtpctl(8) `show stats`; `scheduler.route`, `scheduler.awake` and
 * `scheduler.wait` are ours.
 */
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";

export interface Gauge {
  readonly name: string;
  readonly value: number;
}

export function gaugesOf(
  context: QueueContext,
  acceptance: Acceptance,
  attempts: Attempts,
): readonly Gauge[] {
  const { index, scheduler } = context;
  const due = dueOf(context);
  return [
    { name: "scheduler.envelope", value: index.envelopeCount },
    { name: "scheduler.envelope.incoming", value: acceptance.accepted },
    { name: "scheduler.envelope.inflight", value: scheduler.inflight },
    { name: "scheduler.ramqueue.envelope", value: index.envelopeCount },
    { name: "scheduler.ramqueue.message", value: index.messageCount },
    { name: "scheduler.ramqueue.hold", value: due.mta + due.mda },
    { name: "scheduler.awake", value: index.awake("mta") + index.awake("mda") },
    { name: "scheduler.route", value: scheduler.routeCount },
    { name: "mda.running", value: scheduler.running("mda") },
    { name: "mda.pending", value: due.mda },
    { name: "mta.task.running", value: scheduler.running("mta") },
    { name: "mta.task", value: scheduler.running("mta") + due.mta },
    ...waits(context, attempts).map(([reason, value]) => ({
      name: `scheduler.wait.${reason.replaceAll(" ", ".")}`,
      value,
    })),
  ];
}

function dueOf({ scheduler, tiers }: QueueContext): Readonly<Record<DeliverySubsystem, number>> {
  return {
    mta: scheduler.due("mta").all + tiers.lined("mta"),
    mda: scheduler.due("mda").all + tiers.lined("mda"),
  };
}

/**
 * How many envelopes wait for what. While more are due than may be awake, those that stand
 * in line for that wait for their turn, whatever then holds their routes back.
 */
function waits(
  context: QueueContext,
  attempts: Attempts,
): readonly (readonly [reason: string, envelopes: number])[] {
  const { index, scheduler, tiers } = context;
  const { sleepers } = index;
  let waiting = 0;
  let held = 0;
  let stranded = 0;
  for (const use of sleepers.actions) {
    if (scheduler.canCarry(use.plan)) {
      waiting += use.waiting;
      held += use.held;
    } else stranded += use.waiting;
  }
  const [mta, mda] = [scheduler.due("mta"), scheduler.due("mda")];
  const lined = tiers.lined("mta") + tiers.lined("mda") - tiers.stranded;
  const dueAsleep = mta.asleep + mda.asleep + lined;
  const awake = index.awake("mta") + index.awake("mda");
  const ready = mta.all + mda.all - mta.asleep - mda.asleep;
  const routes = [...scheduler.waits()].map(
    ([reason, envelopes]) => [reason, reason === "turn" ? envelopes + lined : envelopes] as const,
  );
  return [
    ["retry", waiting - dueAsleep - held],
    ["hold", held],
    ...routes,
    ["suspended", sleepers.suspended],
    ["no-action", stranded + scheduler.stranded],
    ["inflight", attempts.envelopes],
    ["recording", awake - ready - scheduler.stranded - attempts.envelopes],
  ];
}
