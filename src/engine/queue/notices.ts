/**
 * What a sender is told of an envelope, by what was asked with it.
 *
 * Nothing asked means: of failures, and of delays. Pure.
 * Source: RFC 3461 §4.1, §5.2, §6.1; RFC 2852 §4.1 (deliver by); OpenSMTPD queue.c
 * (`bounce warn-interval`; it heeds NEVER and SUCCESS alone).
 */
import { unreachable } from "#base/unreachable.ts";
import type { Action, ReportedRecipient } from "#protocols/dsn/delivery-status.ts";
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import { type EnvelopeRecord, expiresAtMs, heldForMs } from "#engine/scheduler/record.ts";
import type { Verdict } from "./verdict.ts";

/** The report that a verdict asks for; undefined: none. */
export function noticeOf(verdict: Verdict): Action | undefined {
  const { record } = verdict.ended;
  switch (verdict.kind) {
    case "failed":
      return wants(record, "failure") ? "failed" : undefined;
    case "deferred":
      return verdict.warnedMs > record.warnedMs ? "delayed" : undefined;
    case "delivered":
      return noticeOfSuccess(verdict);
    case "removed":
      return undefined;
    default:
      return unreachable(verdict);
  }
}

/** RFC 3461 §5.2.1, §5.2.2, §5.3: who was told what the sender wants reports it, else we do. */
function noticeOfSuccess({ ended }: Verdict): Action | undefined {
  const { record, result } = ended;
  if (record.plan.transport.kind === "mda") {
    return wants(record, "success") ? "delivered" : undefined;
  }
  // RFC 2852 §4: from here on nobody knows of the time, or the sender wants to hear of each step.
  const by = record.owner.message.terms?.deliverBy;
  const isTimed = by !== undefined && (by.trace || !result.keepsTime) && !isNever(record);
  if (result.outcome === "handed-on") return isTimed ? "relayed" : undefined;
  return wants(record, "success") || isTimed ? "relayed" : undefined;
}

function wants({ terms }: EnvelopeRecord, word: NotifyWord): boolean {
  return terms?.notify === undefined ? word !== "success" : terms.notify.includes(word);
}

function isNever({ terms }: EnvelopeRecord): boolean {
  return terms?.notify?.includes("never") === true;
}

/**
 * The delay, since acceptance, that the sender has been told of once an envelope is put
 * off until `nextTryMs` (monotonic): the longest of `intervalsMs` that is over by then,
 * so that a server that was down for long is no volley of warnings.
 */
export function warnedAfter(
  record: EnvelopeRecord,
  nextTryMs: number,
  intervalsMs: readonly number[],
): number {
  const { message } = record.owner;
  const ageMs = nextTryMs - record.owner.acceptedAtMs;
  // RFC 4865: what is held back on purpose is not late.
  const heldMs = heldForMs(message);
  let warnedMs = record.warnedMs;
  const pass = (delayMs: number): void => {
    if (delayMs <= ageMs && delayMs > warnedMs) warnedMs = delayMs;
  };
  if (wants(record, "delay")) for (const intervalMs of intervalsMs) pass(heldMs + intervalMs);
  // RFC 2852 §4.1: in mode N the sender is told that the time is not kept.
  const by = message.terms?.deliverBy;
  if (by?.mode === "notify" && !isNever(record)) pass(Math.max(by.atMs - message.acceptedAtMs, 1));
  return warnedMs;
}

/** How a report speaks of an envelope. `offsetMs`: from monotonic to wall-clock time. */
export function reportOf(verdict: Verdict, offsetMs: number): ReportedRecipient {
  const { record, result, cause } = verdict.ended;
  // An expired envelope's last try says more than that it expired; the status says that.
  const said = (cause === "expired" ? record.lastWords : undefined) ?? result;
  return {
    recipient: record.forwardPath,
    orcpt: record.terms?.originalRecipient ?? "",
    status: result.status,
    diagnostic: said.diagnostic,
    // Of a local delivery it is a path of this machine.
    remote: record.plan.transport.kind === "mta" && !said.remote.startsWith("/") ? said.remote : "",
    lastTryAtMs: record.lastTryAtWallMs,
    retryUntilMs: verdict.kind === "deferred" ? Math.round(expiresAtMs(record) + offsetMs) : 0,
  };
}
