/**
 * When a deferred envelope is tried again: `accepted + base * n²`, where n is the
 * number of tries so far, raised until the result lies in the future. All times
 * are on one clock, the monotonic one.
 *
 * Source: OpenSMTPD scheduler_ramqueue.c (scheduler_next).
 */
import type { Transport } from "#model/envelope.ts";

/** Relaying: 6m40 after acceptance, then 26m40, 1h, 1h46m40, … */
export const RELAY_BASE_MS = 400_000;
/** Local delivery: 10 s after acceptance, then 40 s, 90 s, … */
export const LOCAL_BASE_MS = 10_000;

export function backoffBaseMs(kind: Transport["kind"]): number {
  return kind === "mta" ? RELAY_BASE_MS : LOCAL_BASE_MS;
}

export interface BackoffQuery {
  readonly acceptedAtMs: number;
  readonly baseMs: number;
  /** Attempts so far, the one just deferred included. */
  readonly retryCount: number;
  readonly nowMs: number;
}

/** The time of the next try; later than `nowMs`. */
export function nextTryMs(query: BackoffQuery): number {
  const { acceptedAtMs, baseMs, nowMs } = query;
  const ageMs = Math.max(0, nowMs - acceptedAtMs);
  // The smallest n whose offset is beyond the age, without counting up to it.
  const raised = Math.floor(Math.sqrt(ageMs / baseMs)) + 1;
  const n = Math.max(1, query.retryCount, raised);
  return acceptedAtMs + baseMs * n * n;
}
