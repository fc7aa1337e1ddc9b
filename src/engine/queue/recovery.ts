/**
 * Takes up what an earlier process left unfinished.
 *
 * Stored times are the wall clock's and become monotonic here, once; from then on
 * a jump of the wall clock changes nothing. A clock that stood wrong before must
 * not hurt either: an age is never negative, a next try is never later than its
 * back-off allows, and what seems to have expired while nothing ran gets one try
 * more before it does.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { StoredEnvelope, StoredMessage } from "#engine/spool/spool.ts";
import { type EnvelopeRecord, expiresAtMs, MessageRecord } from "#engine/scheduler/record.ts";
import { LAST_CHANCE_MS } from "#engine/scheduler/scheduler.ts";
import { heldMs, laterMs, type QueueContext } from "./context.ts";
import type { Tiers } from "./tiers.ts";

/** Schedules everything that the spool recovered. */
export async function recover(context: QueueContext): Promise<void> {
  for await (const some of context.spool.recovered()) {
    const now = stopped(context.clock);
    for (const stored of some) recoverMessage(context.tiers, now, stored);
  }
}

/** A clock that stands still: all of one list are judged at one moment. */
function stopped(clock: Clock): Clock {
  const wallMs = clock.wallMs();
  const monotonicMs = clock.monotonicMs();
  return {
    wallMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    after: (delayMs, run) => clock.after(delayMs, run),
  };
}

function recoverMessage(tiers: Tiers, clock: Clock, stored: StoredMessage): void {
  const { message } = stored;
  const ageMs = Math.max(0, clock.wallMs() - message.acceptedAtMs);
  // An envelope says what was planned for it. It is packed at once, and so nothing is shared here.
  const planned = stored.envelopes.map(({ envelope }) => [envelope, envelope] as const);
  const owner = new MessageRecord(message, clock.monotonicMs() - ageMs, planned);
  for (const [at, was] of stored.envelopes.entries()) {
    const record = owner.envelopes[at];
    if (record !== undefined) recoverEnvelope(clock, record, was);
  }
  tiers.lay(owner);
}

function recoverEnvelope(clock: Clock, record: EnvelopeRecord, stored: StoredEnvelope): void {
  record.retryCount = stored.retryCount;
  record.lastTryAtWallMs = stored.lastTryAtMs;
  record.warnedMs = stored.warnedMs;
  if (stored.lastResult !== undefined) {
    const { status, diagnostic, remote } = stored.lastResult;
    record.lastWords = { status, diagnostic, remote, limit: "" };
  }
  if (stored.held) record.state = "suspended";
  const nowMs = clock.monotonicMs();
  record.dueMs = dueAtMs(clock, record, stored);
  if (stored.held || (record.dueMs > nowMs && expiresAtMs(record) > nowMs)) return;
  record.dueMs = nowMs;
  record.graceUntilMs = nowMs + LAST_CHANCE_MS;
}

/** Monotonic; now or earlier if it was never tried and is not held back. */
function dueAtMs(clock: Clock, record: EnvelopeRecord, stored: StoredEnvelope): number {
  const nowMs = clock.monotonicMs();
  const dueMs = nowMs + stored.nextTryAtMs - clock.wallMs();
  return stored.lastTryAtMs === 0
    ? nowMs + heldMs(clock, record.owner.message)
    : Math.min(dueMs, laterMs(clock, record, stored.retryCount));
}
