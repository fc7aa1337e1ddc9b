/**
 * What the parts of the queue share: the ports and the state that they work on.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";
import type { Spool } from "#engine/spool/spool.ts";
import { backoffBaseMs, nextTryMs } from "#engine/scheduler/backoff.ts";
import { type EnvelopeRecord, envelopeOf, heldForMs } from "#engine/scheduler/record.ts";
import type { Scheduler } from "#engine/scheduler/scheduler.ts";
import type { Msgids } from "./msgids.ts";
import type { QueueIndex } from "./queue-index.ts";
import type { Tiers } from "./tiers.ts";
import type { Unreached } from "./unreached.ts";

export interface QueueContext {
  readonly clock: Clock;
  readonly spool: Spool;
  readonly observe: Observe;
  readonly index: QueueIndex;
  readonly scheduler: Scheduler;
  readonly tiers: Tiers;
  readonly msgids: Msgids;
  readonly unreached: Unreached;
}

/** What has to be added to a monotonic time to get the wall clock's. */
export function wallOffsetMs(clock: Clock): number {
  return clock.wallMs() - clock.monotonicMs();
}

/**
 * How long a message is still held back (RFC 4865), or 0: no longer than was asked for,
 * however far back the clock was set.
 */
export function heldMs(clock: Clock, message: Message): number {
  const untilMs = message.terms?.holdUntilMs ?? 0;
  if (untilMs === 0) return 0;
  return Math.min(Math.max(untilMs - clock.wallMs(), 0), heldForMs(message));
}

/** Puts a message that was just made durable into the queue, due at once if it is not held back. */
export function enrol(
  { clock, tiers }: QueueContext,
  message: Message,
  envelopes: readonly Envelope[],
): void {
  tiers.enrol(message, envelopes, heldMs(clock, message));
}

/**
 * When an envelope is looked at next, after `retryCount` attempts; monotonic. The time that a
 * message was held back on purpose does not count, as if it had been accepted after that.
 */
export function laterMs(clock: Clock, record: EnvelopeRecord, retryCount: number): number {
  const { owner } = record;
  return nextTryMs({
    acceptedAtMs: owner.acceptedAtMs + heldForMs(owner.message),
    baseMs: backoffBaseMs(record.plan.transport.kind),
    retryCount,
    nowMs: clock.monotonicMs(),
  });
}

/** How long an envelope has been in the queue. */
export function delayMs(clock: Clock, record: EnvelopeRecord): number {
  return Math.max(0, clock.monotonicMs() - record.owner.acceptedAtMs);
}

/** Says that an operator took an envelope out of the queue. */
export function tellRemoved({ clock, observe }: QueueContext, record: EnvelopeRecord): void {
  observe({
    kind: "removed",
    message: record.owner.message,
    envelope: envelopeOf(record),
    delayMs: delayMs(clock, record),
    diagnostic: "Removed by operator",
  });
}
