/**
 * How much there is of what in the queue now. Totals (deliveries, bounces, …) are
 * a fold over events and live in engine/observe.
 *
 * Source: names of smtpctl(8) `show stats`; `scheduler.route` and `scheduler.awake` are ours.
 */
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import type { Acceptance } from "./acceptance.ts";
import type { QueueContext } from "./context.ts";

export interface Gauge {
  readonly name: string;
  readonly value: number;
}

export function gaugesOf(context: QueueContext, acceptance: Acceptance): readonly Gauge[] {
  const { index, scheduler, tiers } = context;
  const due: Record<DeliverySubsystem, number> = {
    mta: tiers.lined("mta"),
    mda: tiers.lined("mda"),
  };
  for (const route of scheduler.routes()) due[route.key.subsystem] += route.ready;
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
  ];
}
