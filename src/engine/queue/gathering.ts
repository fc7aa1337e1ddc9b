/**
 * Brings together what is recorded together: what came to an end of one message in one
 * turn of the event loop; and what is to be reported to its sender, for as long as others
 * of the message are under way, GATHER_MS at most.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { MessageRecord } from "#engine/scheduler/record.ts";
import type { Grant } from "#engine/scheduler/scheduler.ts";
import type { Ended } from "./verdict.ts";

/** How long a report waits for more recipients. Source: OpenSMTPD bounce.c waits as long. */
const GATHER_MS = 1000;

/** Envelopes of one message, and the leave that their attempts had. */
export interface Batch {
  readonly message: MessageRecord;
  /** Not empty. */
  readonly ended: readonly Ended[];
  readonly grants: readonly Grant[];
}

export interface GatheringOwner {
  /** Whether it can share a report with what comes later. */
  mayWait(ended: Ended): boolean;
  record(batch: Batch): void;
  /** Attempts are over of which nothing is recorded now. */
  release(grants: readonly Grant[]): void;
}

interface Turn {
  readonly message: MessageRecord;
  readonly ended: Ended[];
  readonly grants: Grant[];
}

interface Waiting {
  readonly ended: Ended[];
  cancelTimer(): void;
}

export class Gathering {
  readonly #clock: Clock;
  readonly #owner: GatheringOwner;
  #turns = new Map<MessageRecord, Turn>();
  readonly #waiting = new Map<MessageRecord, Waiting>();

  constructor(clock: Clock, owner: GatheringOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Messages of which something is not handed on to be recorded. */
  get size(): number {
    return this.#turns.size + this.#waiting.size;
  }

  /** Takes ended envelopes, all of `message`. */
  add(message: MessageRecord, ended: readonly Ended[], grant: Grant | undefined): void {
    let turn = this.#turns.get(message);
    if (turn === undefined) {
      turn = { message, ended: [], grants: [] };
      if (this.#turns.size === 0) queueMicrotask(() => this.#endTurn());
      this.#turns.set(message, turn);
    }
    turn.ended.push(...ended);
    if (grant !== undefined) turn.grants.push(grant);
  }

  /** Nothing waits any more. */
  endWaits(): void {
    for (const message of this.#waiting.keys()) this.#endWait(message);
  }

  #endTurn(): void {
    const turns = this.#turns;
    this.#turns = new Map();
    for (const turn of turns.values()) this.#sort(turn);
  }

  /** Hands on all but what can still share a report with others. */
  #sort(turn: Turn): void {
    const { message, grants } = turn;
    const isLast = !isUnderWay(message);
    if (isLast && !this.#waiting.has(message)) {
      this.#owner.record(turn);
      return;
    }
    const { now = [], later = [] } = Object.groupBy(turn.ended, (ended) =>
      this.#owner.mayWait(ended) ? "later" : "now",
    );
    if (later.length > 0) this.#wait(message).ended.push(...later);
    if (now.length > 0) this.#owner.record({ message, ended: now, grants });
    else this.#owner.release(grants);
    if (isLast) this.#endWait(message);
  }

  #wait(message: MessageRecord): Waiting {
    let waiting = this.#waiting.get(message);
    if (waiting === undefined) {
      const cancelTimer = this.#clock.after(GATHER_MS, () => this.#endWait(message));
      waiting = { ended: [], cancelTimer };
      this.#waiting.set(message, waiting);
    }
    return waiting;
  }

  #endWait(message: MessageRecord): void {
    const waiting = this.#waiting.get(message);
    if (waiting === undefined) return;
    this.#waiting.delete(message);
    waiting.cancelTimer();
    this.#owner.record({ message, ended: waiting.ended, grants: [] });
  }
}

/** Whether more of a message may soon come to an end. */
function isUnderWay({ envelopes }: MessageRecord): boolean {
  return envelopes.some(({ state }) => state === "inflight" || state === "ready");
}
