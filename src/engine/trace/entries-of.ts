/**
 * Events of the queue as entries of its trace. Pure: the same events make the log.
 */
import { findMessageId, MAX_SEARCHED_BYTES } from "#protocols/mail/message-id.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import {
  MAX_TRACED_RECIPIENTS,
  type TraceEntry,
  type TracedTls,
  tracedRecipient,
} from "#model/trace.ts";

/** Longest time that an entry can say, some 49 days. */
const MAX_TOOK_MS = 0xffff_ffff;

const NONE: readonly TraceEntry[] = Object.freeze([]);
const NO_TLS: TracedTls = Object.freeze({ kind: "none" });

type Queued = Event & { readonly kind: "queued" };
type Delivery = Event & { readonly kind: "delivery" };

/** What is kept of `event`, which came at `atMs` of the wall clock; most events are not of a message. */
export function entriesOf(event: Event, atMs: number): readonly TraceEntry[] {
  if (event.kind === "queued") return acceptedEntries(event);
  if (event.kind === "delivery") return [attemptEntry(event, atMs)];
  if (event.kind === "waited") {
    const { evpids, reason } = event;
    const waitedMs = Math.round(event.waitedMs);
    return evpids.map((evpid) => ({ kind: "waited", evpid, atMs, waitedMs, reason }));
  }
  if (event.kind === "ordered")
    return event.evpids.map((evpid) => ({ kind: "ordered", evpid, atMs, order: event.order }));
  const entry = otherEntry(event, atMs);
  return entry === undefined ? NONE : [entry];
}

function otherEntry(
  event: Exclude<Event, Queued | Delivery | { readonly kind: "ordered" | "waited" }>,
  atMs: number,
): TraceEntry | undefined {
  if (event.kind === "expired" || event.kind === "removed") {
    const { evpid } = event.envelope;
    return event.kind === "removed"
      ? { kind: "removed", evpid, atMs }
      : { kind: "expired", evpid, atMs, diagnostic: event.diagnostic };
  }
  if (event.kind === "bounce") {
    const { message, action, msgid } = event;
    return { kind: "reported", msgid: message.msgid, atMs, action, report: msgid };
  }
  if (event.kind === "bounce-dropped") {
    const { message, action } = event;
    const why = event.why.slice(0, MAX_NAME_BYTES / 3);
    return { kind: "unreported", msgid: message.msgid, atMs, action, why };
  }
  if (event.kind !== "spool-recovered") return undefined;
  const { messages, envelopes } = event;
  return { kind: "recovered", atMs, messages, envelopes };
}

/** Its time is that of the acceptance, whenever it is told. */
function acceptedEntries({ message, envelopes, pieces }: Queued): readonly TraceEntry[] {
  const entries: TraceEntry[] = [];
  const messageId = findMessageId(beginningOf(pieces));
  const { msgid, acceptedAtMs, reversePath, origin, textBytes, terms } = message;
  for (let at = 0; at < envelopes.length; at += MAX_TRACED_RECIPIENTS) {
    entries.push({
      kind: "accepted",
      msgid,
      atMs: acceptedAtMs,
      messageId,
      reversePath,
      origin,
      textBytes,
      holdUntilMs: terms?.holdUntilMs ?? 0,
      recipients: envelopes.slice(at, at + MAX_TRACED_RECIPIENTS).map(tracedRecipient),
    });
  }
  return entries;
}

/** As much as is looked at; nearly every text is in one piece. */
function beginningOf(text: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(0), ...rest] = text;
  const isEnough = rest.length === 0 || first.length >= MAX_SEARCHED_BYTES;
  return isEnough ? first : Buffer.concat(text).subarray(0, MAX_SEARCHED_BYTES);
}

function attemptEntry({ envelope, result, attempt }: Delivery, atMs: number): TraceEntry {
  if (result.held !== undefined) {
    const { evpid } = envelope;
    const { limit } = result.held;
    // What is done then, whatever the limit said.
    const untilMs = attempt.nextTryAtMs;
    return { kind: "held", evpid, atMs, limit, untilMs, diagnostic: result.diagnostic };
  }
  return {
    kind: "attempt",
    evpid: envelope.evpid,
    atMs,
    beganAtMs: attempt.beganAtMs,
    tookMs: Math.min(Math.max(0, Math.round(attempt.tookMs)), MAX_TOOK_MS),
    number: attempt.number,
    outcome: result.outcome,
    status: result.status,
    diagnostic: result.diagnostic,
    remote: result.remote,
    tls: result.tls === undefined ? NO_TLS : { kind: "tls", ...result.tls },
    nextTryAtMs: attempt.nextTryAtMs,
  };
}
