/**
 * Limits on connections that have something in common: an address, a source, a domain. Of
 * each there is a count: how many are open, and when the last one began and ended.
 *
 * Promises: who opens one has no more open beside it than its `max`, whatever those are for,
 * and begins no sooner than its pauses allow. The last fifth of what all have in common is for who
 * has nothing open yet: some servers that hold their connections for long take it from nobody. Who finds no room stands in line, and is called
 * when there is some, the first one first. Of connections that rest, the oldest is closed
 * when others want its room. A count lives while something is open, in line or paused; of those
 * that only pause MAX_PAUSED are kept.
 *
 * Source: OpenSMTPD mta.c (mta_find_route, mta_connect), which asks again every five seconds.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { LimitFlag } from "#model/relay-report.ts";

/** A count, and what one who wants to connect allows it. */
export interface Cap {
  /** `host 192.0.2.1` */
  readonly key: string;
  readonly max: number;
  /** "own": it counts one party's connections; "common": those of all; "part": anything else. */
  readonly of: "own" | "common" | "part";
  /** From the beginning of one connection to that of the next. */
  readonly delayMs: number;
  /** From the end of one connection to the beginning of the next. */
  readonly reconnectMs: number;
  readonly words: CapWords;
}

/** What a person knows the limits of a cap by. */
export interface CapWords {
  readonly max: string;
  readonly delay: string;
  readonly reconnect: string;
  /** Any of them, in `smtpctl show relays`. */
  readonly flag: LimitFlag;
}

/** Why no connection may be opened now. */
export type Obstacle = {
  readonly limit: string;
  readonly flag: LimitFlag;
} & (
  | { readonly kind: "full"; readonly key: string; readonly max: number }
  /** Monotonic. */
  | { readonly kind: "too-soon"; readonly untilMs: number }
);

interface Count {
  readonly key: string;
  open: number;
  beganMs: number;
  endedMs: number;
  /** When the last pause is over that anyone wanted of it. */
  pausedMs: number;
  /** Who is called when there is room, by how many open ones are too many for them. */
  readonly lines: Map<number, Set<() => void>>;
}

const MAX_PAUSED = 10_000;
/** How many counts there are before those are looked for whose pause is over. */
const FEW_COUNTS = 1000;
/** This part of what is in common is left to who has nothing. */
const SPARE_PART = 5;
/** How many of a line are looked at when the first has no use for the room that there is. */
const MAX_LOOKS = 16;

export class ConnectionLimits {
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();
  /** What closes them, by their rooms; the oldest first. */
  readonly #resting = new Map<Room, () => void>();
  #sweepAbove = FEW_COUNTS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What keeps a connection from being opened now; undefined: nothing does. */
  obstacle(caps: readonly Cap[]): Obstacle | undefined {
    const nowMs = this.#clock.monotonicMs();
    let latest: Obstacle | undefined;
    let latestMs = nowMs;
    const hasOpen = caps.some((cap) => cap.of === "own" && this.#isOpen(cap));
    for (const cap of caps) {
      const { key, delayMs, reconnectMs, words } = cap;
      const count = this.#counts.get(key);
      if (count === undefined) continue;
      const max = hasOpen ? maxOfMany(cap) : cap.max;
      if (count.open >= max) return { kind: "full", limit: words.max, flag: words.flag, key, max };
      const nextMs = delayMs > 0 ? count.beganMs + delayMs : 0;
      const againMs = reconnectMs > 0 ? count.endedMs + reconnectMs : 0;
      const untilMs = Math.max(nextMs, againMs);
      if (untilMs <= latestMs) continue;
      latestMs = untilMs;
      latest = {
        kind: "too-soon",
        limit: nextMs >= againMs ? words.delay : words.reconnect,
        flag: words.flag,
        untilMs,
      };
    }
    return latest;
  }

  /** Takes the room that `obstacle` has found. */
  enter(caps: readonly Cap[]): Room {
    const nowMs = this.#clock.monotonicMs();
    const counts = caps.map(({ key, delayMs }) => {
      const count = this.#countOf(key);
      count.open++;
      count.beganMs = nowMs;
      count.pausedMs = Math.max(count.pausedMs, nowMs + delayMs);
      return count;
    });
    return new Room(counts, this.#resting, () => this.#left(caps, counts));
  }

  /** Keys of the counts that a resting connection is part of. */
  restingKeys(): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const { counts } of this.#resting.keys()) for (const { key } of counts) keys.add(key);
    return keys;
  }

  /** Has `called` called, once, when the obstacle may be gone. The function returned ends that. */
  lineUp(obstacle: Obstacle, called: () => void): () => void {
    if (obstacle.kind === "too-soon") {
      const waitMs = Math.max(obstacle.untilMs - this.#clock.monotonicMs(), 0);
      return this.#clock.after(waitMs, called);
    }
    const count = this.#countOf(obstacle.key);
    lineOf(count, obstacle.max).add(called);
    this.#closeOldest(count);
    return () => {
      leaveLine(count, obstacle.max, called);
      this.#forget(count);
    };
  }

  #isOpen({ key }: Cap): boolean {
    return (this.#counts.get(key)?.open ?? 0) > 0;
  }

  #left(caps: readonly Cap[], counts: readonly Count[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [at, count] of counts.entries()) {
      count.open--;
      count.endedMs = nowMs;
      count.pausedMs = Math.max(count.pausedMs, nowMs + (caps[at]?.reconnectMs ?? 0));
    }
    for (const count of counts) call(count);
    for (const count of counts) this.#forget(count);
    if (this.#counts.size > this.#sweepAbove) this.#sweep();
  }

  #closeOldest(count: Count): void {
    for (const [room, close] of this.#resting) {
      if (!room.counts.includes(count)) continue;
      this.#resting.delete(room);
      close();
      return;
    }
  }

  #countOf(key: string): Count {
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = {
        key,
        open: 0,
        beganMs: -Infinity,
        endedMs: -Infinity,
        pausedMs: 0,
        lines: new Map(),
      };
      this.#counts.set(key, count);
    }
    return count;
  }

  #forget(count: Count): void {
    if (isUsed(count) || count.pausedMs > this.#clock.monotonicMs()) return;
    if (this.#counts.get(count.key) === count) this.#counts.delete(count.key);
  }

  /** Forgets pauses that are over, and the oldest of too many. */
  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    let paused = 0;
    for (const [key, count] of this.#counts) {
      if (isUsed(count)) continue;
      if (count.pausedMs <= nowMs) this.#counts.delete(key);
      else paused++;
    }
    for (const [key, count] of this.#counts) {
      if (paused <= MAX_PAUSED) break;
      if (isUsed(count)) continue;
      this.#counts.delete(key);
      paused--;
    }
    this.#sweepAbove = Math.max(FEW_COUNTS, 2 * this.#counts.size);
  }
}

/** The room of one connection, in every count that it has part in. */
export class Room {
  readonly counts: readonly Count[];
  readonly #resting: Map<Room, () => void>;
  readonly #left: () => void;
  #isTaken = true;

  /** For `ConnectionLimits`. */
  constructor(counts: readonly Count[], resting: Map<Room, () => void>, left: () => void) {
    this.counts = counts;
    this.#resting = resting;
    this.#left = left;
  }

  /** Others stand in line for it. */
  get isWanted(): boolean {
    return this.counts.some(({ lines }) => lines.size > 0);
  }

  /** The connection serves nobody now: `close` is called if its room is wanted. */
  rest(close: () => void): void {
    if (this.#isTaken) this.#resting.set(this, close);
  }

  /** The connection serves again. */
  serve(): void {
    this.#resting.delete(this);
  }

  /** The connection is gone; called again, it does nothing. */
  leave(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    this.#resting.delete(this);
    this.#left();
  }
}

function isUsed({ open, lines }: Count): boolean {
  return open > 0 || lines.size > 0;
}

/** Calls those in line for whom there is room. Who then meets another limit stands in line there. */
function call(count: Count): void {
  for (const [max, line] of count.lines) {
    let looks = 0;
    for (const called of line) {
      if (count.open >= max || ++looks > MAX_LOOKS) break;
      leaveLine(count, max, called);
      called();
    }
  }
}

/** Of those for whom so many open ones are too many. */
function lineOf({ lines }: Count, max: number): Set<() => void> {
  const line = lines.get(max) ?? new Set();
  lines.set(max, line);
  return line;
}

function leaveLine({ lines }: Count, max: number, called: () => void): void {
  const line = lines.get(max);
  line?.delete(called);
  if (line?.size === 0) lines.delete(max);
}

/** For who has connections already. */
function maxOfMany({ max, of }: Cap): number {
  return of === "common" ? max - Math.floor(max / SPARE_PART) : max;
}
