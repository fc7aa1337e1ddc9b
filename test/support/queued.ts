/**
 * What is in a queue, all at once: for tests, whose queues are small.
 */
import type { Target } from "#model/ipc/control-link.ts";
import type { Queue } from "#engine/queue/queue.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";

export async function allQueued(
  queue: Pick<Queue, "envelopes">,
  target: Target = { kind: "all" },
): Promise<readonly QueuedEnvelope[]> {
  const found: QueuedEnvelope[] = [];
  for await (const some of queue.envelopes(target)) found.push(...some);
  return found;
}
