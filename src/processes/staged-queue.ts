/**
 * The queue as it is shown: of each envelope in flight it says how far its attempt is, which
 * only the dispatcher knows that has it. Asked for a slice at a time; what is not answered is
 * shown without.
 */
import type { Staged } from "#model/attempt-progress.ts";
import { MAX_ASKED_ATTEMPTS } from "#model/ipc/view-link.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import type { DispatcherViews } from "./dispatcher-views.ts";
import type { QueueDoors } from "./queue-doors.ts";
import type { QueueView } from "./queue-views.ts";

export interface StageParts {
  readonly doors: Pick<QueueDoors, "attemptsAt">;
  readonly views: Pick<DispatcherViews, "stages">;
}

export function stagedQueue(queue: QueueView, parts: StageParts): QueueView {
  return {
    async *envelopes(target) {
      for await (const some of queue.envelopes(target)) yield withStages(some, parts);
    },
    count: (target) => queue.count(target),
    text: (id) => queue.text(id),
  };
}

async function withStages(
  some: readonly QueuedEnvelope[],
  parts: StageParts,
): Promise<readonly QueuedEnvelope[]> {
  const inflight = some.filter(({ reason }) => reason.kind === "inflight");
  if (inflight.length === 0) return some;
  const stages = await stagesOf(new Set(inflight.map(({ envelope }) => envelope.evpid)), parts);
  return some.map((queued) => {
    const { reason, envelope } = queued;
    const staged = stages.get(envelope.evpid);
    if (reason.kind !== "inflight" || staged === undefined) return queued;
    const { stage, remote } = staged;
    return { ...queued, reason: { ...reason, stage, remote } };
  });
}

/** By evpid. */
async function stagesOf(
  evpids: ReadonlySet<string>,
  { doors, views }: StageParts,
): Promise<ReadonlyMap<string, Staged>> {
  const stages = new Map<string, Staged>();
  const asked = doors.attemptsAt(evpids).map(async ({ index, attempts }) => {
    const few = attempts.slice(0, MAX_ASKED_ATTEMPTS);
    const answers = await views.stages(
      index,
      few.map(({ attempt }) => attempt),
    );
    for (const [at, staged] of answers.entries())
      for (const evpid of few[at]?.evpids ?? []) stages.set(evpid, staged);
  });
  await Promise.all(asked);
  return stages;
}
