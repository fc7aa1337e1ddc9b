/**
 * What a sending side promises, checked against what the servers of the far side know: each
 * recipient of an accepted message was delivered to once, was reported to its sender in the
 * far side's words, or waits until a time that its back-off says, for a reason that is true.
 */
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import { reasonName } from "#engine/scheduler/wait-reason.ts";
import type { SessionTime } from "#test/support/far-side/far-host.ts";
import { isDelivered, type Recipient, recipientsOf } from "./recipient.ts";
import { reportFaults } from "./reports.ts";
import { timeFaults } from "./times.ts";
import type { TwoSides } from "./two-sides.ts";
import { wordFaults } from "./words.ts";

/** Connections that a relay has to one address at once: `mta limit max-conn-per-host`. */
const MAX_CONNECTIONS = 10;
/** More than a server's end of a connection is behind the client's. */
const LAG_MS = 500;

/** How many recipients came to which end, to be told of a run. */
export interface Tally {
  delivered: number;
  failed: number;
  expired: number;
  waiting: number;
  /** Copies whose reply was lost: RFC 1047. */
  lostReplies: number;
  /** Recipients that have a copy more than one, for that reason alone. */
  twice: number;
}

export const NO_TALLY: Readonly<Tally> = {
  delivered: 0,
  failed: 0,
  expired: 0,
  waiting: 0,
  lostReplies: 0,
  twice: 0,
};

/** What broke a promise, in words. `waiting`: what is in the queue now. */
export function faultsOf(
  sides: TwoSides,
  waiting: readonly QueuedEnvelope[],
  tally: Tally,
): readonly string[] {
  const faults: string[] = [];
  const nowMs = sides.world.clock.wallMs();
  for (const recipient of recipientsOf(sides, waiting)) {
    count(tally, recipient);
    const found = [
      ...copyFaults(recipient),
      ...endFaults(recipient, nowMs),
      ...timeFaults(recipient, sides.sender.attempts),
      ...recipient.attempts.flatMap((attempt) => wordFaults(recipient, attempt)),
      ...reportFaults(recipient, sides.sender.reports),
    ];
    faults.push(...found.map((fault) => `${recipient.name}: ${fault}`));
  }
  const sessions = sides.far.hosts.flatMap((host) => host.sessions);
  for (const [address, ofAddress] of Map.groupBy(sessions, (each) => each.address)) {
    const peak = peakOf(ofAddress);
    if (peak > MAX_CONNECTIONS) faults.push(`${address}: ${peak} connections at once`);
  }
  return faults;
}

function count(tally: Tally, { attempts, copies, isExpired, waiting }: Recipient): void {
  if (waiting !== undefined) tally.waiting++;
  else if (isExpired) tally.expired++;
  else if (isDelivered(attempts.at(-1)?.result.outcome)) tally.delivered++;
  else tally.failed++;
  tally.lostReplies += copies.filter(({ reply }) => reply === "lost").length;
  if (copies.length > 1) tally.twice++;
}

/** Nothing is lost, altered or doubled, but where the far side let its reply be lost. */
function copyFaults({ mail, copies, attempts, domain }: Recipient): readonly string[] {
  const acknowledged = copies.filter(({ reply }) => reply === "said");
  const isKnown = isDelivered(attempts.at(-1)?.result.outcome);
  const names = domain.hosts.map(({ settings }) => settings.name);
  const found: readonly (readonly [boolean, string])[] = [
    [isKnown && acknowledged.length === 0, "lost: said to be delivered"],
    [acknowledged.length > 1, `doubled: ${acknowledged.length} copies were acknowledged`],
    [
      acknowledged.length > 0 && copies.at(-1)?.reply !== "said",
      "doubled: sent again after it was acknowledged",
    ],
    [acknowledged.length > 0 && !isKnown, "delivered, and not known to be"],
    [copies.some(({ text }) => text !== mail.text), "altered"],
    [copies.some(({ host }) => !names.includes(host)), "at a host of somebody else"],
  ];
  return found.flatMap(([isFault, words]) => (isFault ? [words] : []));
}

/** Delivered, failed, expired, or waiting: one of them. */
function endFaults({ attempts, waiting, isExpired }: Recipient, nowMs: number): readonly string[] {
  const last = attempts.at(-1);
  const isOver = isExpired || (last !== undefined && last.result.outcome !== "deferred");
  if (waiting === undefined) return isOver ? [] : ["lost: it is in no queue"];
  if (isOver) return ["it waits, though it is over"];
  const { reason, lastError } = waiting;
  if (reason.kind === "inflight" || reason.kind === "recording") return [];
  const held = last?.result.held?.limit;
  const expected = held === undefined ? "retry" : `limit ${held}`;
  if (reasonName(reason) !== expected || !("untilMs" in reason))
    return [`it waits for ${reasonName(reason)}, not for ${expected}`];
  const found: readonly (readonly [boolean, string])[] = [
    [reason.untilMs <= nowMs, "it waits for a time that is over"],
    [reason.untilMs !== last?.attempt.nextTryAtMs, "it waits for another time than was said"],
    [lastError !== last?.result.diagnostic, `it waits because of '${lastError}'`],
  ];
  return found.flatMap(([isFault, words]) => (isFault ? [words] : []));
}

/** How many there were at once; the end of one is known here a little later than to the client. */
function peakOf(sessions: readonly SessionTime[]): number {
  const changes = sessions.flatMap(({ beganMs, endedMs }) => [
    { atMs: beganMs, by: 1 },
    { atMs: Math.max(endedMs - LAG_MS, beganMs), by: -1 },
  ]);
  let open = 0;
  let peak = 0;
  for (const { by } of changes.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    open += by;
    peak = Math.max(peak, open);
  }
  return peak;
}
