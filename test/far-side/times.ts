/**
 * When each try came, and when the next one is to come: accepted + 400 s · n², the first of
 * those that is in the future, and no less than the number of tries for n. Written down here
 * anew. Source: OpenSMTPD scheduler_ramqueue.c (scheduler_next).
 */
import { isDelivered, type Recipient } from "./recipient.ts";
import type { Attempt } from "./sending-side.ts";

const BASE_MS = 400_000;
const MIN_HELD_MS = 1000;
/** A route is put aside for no longer. */
const MAX_HELD_MS = 3_600_000;

/** @param all attempts of whatever recipient. */
export function timeFaults(
  { mail, attempts }: Recipient,
  all: readonly Attempt[],
): readonly string[] {
  const faults: string[] = [];
  let number = 1;
  for (const [index, { attempt, result }] of attempts.entries()) {
    const previous = attempts[index - 1];
    const dueMs = previous?.attempt.nextTryAtMs ?? mail.atMs;
    const isDue = attempt.beganAtMs === dueMs || wasHastened(previous, attempt.beganAtMs, all);
    if (!isDue) faults.push(`try ${number} came ${attempt.beganAtMs - dueMs} ms late`);
    if (attempt.number !== number) faults.push(`try ${number} is called ${attempt.number}`);
    if (result.outcome !== "deferred") continue;
    const endedMs = attempt.beganAtMs + attempt.tookMs;
    const usualMs = mail.atMs + backoffMs(number, endedMs - mail.atMs);
    const nextMs = Math.min(usualMs, heldUntilMs(result.held?.untilMs, endedMs));
    if (attempt.nextTryAtMs !== nextMs)
      faults.push(`after try ${number} it waits ${attempt.nextTryAtMs - nextMs} ms too long`);
    if (result.held === undefined) number++;
    else if (result.held.untilMs > endedMs + MAX_HELD_MS)
      faults.push(`after try ${number} it is held back beyond an hour`);
  }
  return faults;
}

/** What a limit held back was not tried: it is as soon as the limit lets it, not at once. */
function heldUntilMs(untilMs: number | undefined, endedMs: number): number {
  return untilMs === undefined ? Infinity : Math.max(untilMs, endedMs + MIN_HELD_MS);
}

/** Since acceptance: when the next try is, `ageMs` after it, when `number` have failed. */
function backoffMs(number: number, ageMs: number): number {
  let n = number;
  while (BASE_MS * n * n <= ageMs) n++;
  return BASE_MS * n * n;
}

/** `mta max-deferred`: who could not reach a server is tried as soon as another got through. */
function wasHastened(
  previous: Attempt | undefined,
  beganAtMs: number,
  all: readonly Attempt[],
): boolean {
  if (previous?.result.status.startsWith("4.4.") !== true) return false;
  const route = routeOf(previous);
  return all.some(
    (each) =>
      isDelivered(each.result.outcome) &&
      routeOf(each) === route &&
      each.attempt.beganAtMs + each.attempt.tookMs === beganAtMs,
  );
}

/** By MX each domain is one; all that goes through the hub is another. */
function routeOf({ envelope: { action, destination } }: Attempt): string {
  return action === "hub" ? action : destination.slice(destination.indexOf("@"));
}
