/**
 * What becomes of an envelope after an attempt, its expiry or an operator's order,
 * and how the spool and the sender are told.
 *
 * Pure. What a carrier says crosses a process boundary: it is cut to size, made
 * one line, and an answer that is missing counts as "deferred".
 */
import { stampMs } from "#base/time/stamp.ts";
import { unreachable } from "#base/unreachable.ts";
import {
  type AttemptConnection,
  type AttemptTls,
  type DeliveryResult,
  type HeldBy,
  MAX_DIAGNOSTIC_BYTES,
} from "#model/delivery.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";
import { type EnvelopeRecord, evpidOf } from "#engine/scheduler/record.ts";

/** An envelope whose attempt is over, or whose time is, or that an operator takes away after a deferral. */
export interface Ended {
  readonly record: EnvelopeRecord;
  readonly cause: "attempt" | "expired" | "order";
  readonly result: DeliveryResult;
  /** How long the attempt went on; 0 if there was none. */
  readonly tookMs: number;
}

/** What is done with an ended envelope. */
export type Verdict =
  | { readonly kind: "delivered" | "failed" | "removed"; readonly ended: Ended }
  | ({ readonly kind: "deferred"; readonly ended: Ended } & Deferral);

/** How an envelope goes on that was not delivered. */
export interface Deferral {
  /** On the monotonic clock. */
  readonly nextTryMs: number;
  /** The delay that the sender has been told of then, this time's included; 0: of none. */
  readonly warnedMs: number;
}

/** An operator's `remove` counts only where the attempt did not deliver. */
export function verdictOn(ended: Ended, deferral: Deferral): Verdict {
  const { outcome } = ended.result;
  if (outcome === "delivered" || outcome === "handed-on") return { kind: "delivered", ended };
  if (ended.record.afterwards === "remove") return { kind: "removed", ended };
  if (outcome === "deferred") return { kind: "deferred", ended, ...deferral };
  return { kind: "failed", ended };
}

/** `offsetMs`: from monotonic to wall-clock time. */
export function entryOf(verdict: Verdict, nowMs: number, offsetMs: number): SpoolEntry {
  const { record, result } = verdict.ended;
  const evpid = evpidOf(record);
  const atMs = stampMs(nowMs + offsetMs);
  switch (verdict.kind) {
    case "delivered":
    case "failed":
      return { kind: verdict.kind, evpid, atMs, result };
    case "removed":
      return { kind: "removed", evpid, atMs };
    case "deferred":
      return {
        kind: "deferred",
        evpid,
        atMs,
        retryCount: retryCountAfter(verdict.ended),
        nextTryAtMs: stampMs(verdict.nextTryMs + offsetMs),
        warnedMs: verdict.warnedMs,
        result,
      };
    default:
      return unreachable(verdict);
  }
}

/** Tries so far, once it is deferred: what a limit held back was not tried. */
export function retryCountAfter({ record, result }: Ended): number {
  return record.retryCount + (result.held === undefined ? 1 : 0);
}

/** RFC 3463 §3.5 (X.4.7): delivery time expired. */
export function expiry(record: EnvelopeRecord): Ended {
  const result: DeliveryResult = {
    evpid: evpidOf(record),
    outcome: "failed",
    status: "5.4.7",
    diagnostic: "Envelope expired",
    remote: "",
  };
  return { record, cause: "expired", result, tookMs: 0 };
}

/** Joins what a carrier answered with what it was asked, one answer each. */
export function attemptsEnded(
  records: readonly EnvelopeRecord[],
  results: readonly DeliveryResult[],
  tookMs: number,
): readonly Ended[] {
  const answers = new Map<string, DeliveryResult>();
  for (const result of results) answers.set(result.evpid, result);
  return records.map((record) => {
    const evpid = evpidOf(record);
    const answer = answers.get(evpid);
    return {
      record,
      cause: "attempt",
      result: answer === undefined ? silence(evpid) : tidy(answer),
      tookMs,
    };
  });
}

function silence(evpid: string): DeliveryResult {
  return {
    evpid,
    outcome: "deferred",
    status: "4.3.0",
    diagnostic: "The delivery attempt gave no result for this recipient",
    remote: "",
  };
}

/** The class that RFC 3463 §3 gives each outcome, with no detail. */
const PLAIN_STATUS: Readonly<Record<DeliveryResult["outcome"], string>> = {
  delivered: "2.0.0",
  "handed-on": "2.0.0",
  deferred: "4.0.0",
  failed: "5.0.0",
  // RFC 3463 §3.5: X.4.6, routing loop detected. A failure, and worded as one (OpenSMTPD says "delayed").
  loop: "5.4.6",
};

const STATUS = /^[245]\.\d{1,3}\.\d{1,3}$/;
const UNPRINTABLE = /\p{Cc}|\p{Zl}|\p{Zp}|\p{Cs}/gu;
const NEEDS_TIDYING = /[^ -~]/;

function tidy(result: DeliveryResult): DeliveryResult {
  const { evpid, outcome } = result;
  const expected = PLAIN_STATUS[outcome];
  const fits = STATUS.test(result.status) && result.status.startsWith(expected.charAt(0));
  return {
    evpid,
    outcome,
    status: fits ? result.status : expected,
    diagnostic: oneLine(result.diagnostic, MAX_DIAGNOSTIC_BYTES),
    remote: oneLine(result.remote, MAX_NAME_BYTES),
    ...(result.over && { over: tidyConnection(result.over) }),
    ...(result.tls && { tls: tidyTls(result.tls) }),
    ...(outcome === "deferred" && result.held && { held: tidyHeld(result.held) }),
    ...(result.keepsTime && { keepsTime: true }),
  };
}

/** The codec takes nothing but digits for the session. */
function tidyConnection({ session, source }: AttemptConnection): AttemptConnection {
  return { session, source: oneLine(source, MAX_NAME_BYTES) };
}

function tidyTls({ version, cipher, verified }: AttemptTls): AttemptTls {
  return {
    version: oneLine(version, MAX_NAME_BYTES),
    cipher: oneLine(cipher, MAX_NAME_BYTES),
    verified,
  };
}

function tidyHeld({ limit, untilMs }: HeldBy): HeldBy {
  return { limit: oneLine(limit, MAX_NAME_BYTES), untilMs };
}

function oneLine(words: string, maxBytes: number): string {
  if (words.length <= maxBytes && !NEEDS_TIDYING.test(words)) return words;
  // Each UTF-16 unit takes at most three bytes of UTF-8.
  return words.slice(0, Math.floor(maxBytes / 3)).replaceAll(UNPRINTABLE, " ");
}
