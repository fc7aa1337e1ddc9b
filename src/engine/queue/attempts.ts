/**
 * Drives the scheduler: lines up what is due, hands out attempts while the limits
 * allow, and passes results on to be recorded.
 *
 * One timer for the whole queue. What it does in one turn of the event loop is
 * bounded, so that a backlog of a million envelopes does not stop the intake.
 */
import type { Carrier } from "#model/delivery.ts";
import type { SchedulerLimits } from "#engine/scheduler/limits.ts";
import { type EnvelopeRecord, envelopeOf, evpidOf } from "#engine/scheduler/record.ts";
import type { Grant } from "#engine/scheduler/scheduler.ts";
import type { QueueContext } from "./context.ts";
import type { Recorder } from "./recorder.ts";
import { attemptsEnded, expiry } from "./verdict.ts";

/** Envelopes lined up in one turn. Source: OpenSMTPD schedules 1024 in one pass. */
const DUE_BATCH = 1024;
/** Longest timer, so that what came due while the machine slept is not found much later. */
const MAX_TIMER_MS = 60_000;
/** A wait for less is no wait. */
const TOLD_WAIT_MS = 2000;

export interface AttemptParts {
  readonly carrier: Carrier;
  readonly recorder: Recorder;
  readonly settings: SchedulerLimits;
}

export class Attempts {
  readonly #context: QueueContext;
  readonly #carrier: Carrier;
  readonly #recorder: Recorder;
  /** Attempts started in one turn: `scheduler limit max-schedule`. */
  #maxSchedule: number;
  #state: "idle" | "woken" | "stopped" = "idle";
  #cancelTimer: () => void = () => undefined;
  /** Monotonic; Infinity when no timer runs. */
  #timerDueMs = Infinity;
  #underWay = 0;
  #envelopes = 0;

  constructor(context: QueueContext, { carrier, recorder, settings }: AttemptParts) {
    this.#context = context;
    this.#carrier = carrier;
    this.#recorder = recorder;
    this.#maxSchedule = settings.schedulerLimits.maxSchedule;
  }

  takeUp({ schedulerLimits }: SchedulerLimits): void {
    this.#maxSchedule = schedulerLimits.maxSchedule;
  }

  /** Attempts whose results have not come. */
  get underWay(): number {
    return this.#underWay;
  }

  /** The envelopes in them. */
  get envelopes(): number {
    return this.#envelopes;
  }

  /** There may be something to do: looks before this turn of the event loop ends. */
  wake(): void {
    if (this.#state !== "idle") return;
    this.#state = "woken";
    queueMicrotask(() => this.#turn());
  }

  /** Starts no more attempts; results of those under way are still taken. */
  stop(): void {
    this.#state = "stopped";
    this.#cancelTimer();
  }

  #turn(): void {
    if (this.#state === "stopped") return;
    this.#state = "idle";
    const { scheduler, tiers, clock } = this.#context;
    const nowMs = clock.monotonicMs();
    const awake = scheduler.expire(nowMs, DUE_BATCH);
    const asleep = tiers.advance(nowMs, DUE_BATCH);
    this.#expire([...awake.expired, ...asleep.expired]);
    for (let started = 0; started < this.#maxSchedule; started++) {
      const grant = scheduler.take();
      if (grant === undefined) {
        this.#arm(awake.more || asleep.more || tiers.mayRefill ? 0 : Infinity);
        return;
      }
      void this.#start(grant);
    }
    this.#arm(0);
  }

  #expire(expired: readonly EnvelopeRecord[]): void {
    for (const [message, records] of Map.groupBy(expired, ({ owner }) => owner)) {
      this.#recorder.add(message, records.map(expiry), undefined);
    }
  }

  async #start(grant: Grant): Promise<void> {
    const { clock, spool } = this.#context;
    const { message } = grant.message;
    const nowMs = clock.wallMs();
    const beganMs = clock.monotonicMs();
    for (const record of grant.records) record.lastTryAtWallMs = nowMs;
    this.#tellWait(grant, beganMs);
    this.#underWay++;
    this.#envelopes += grant.records.length;
    const results = await this.#carrier.attempt({
      message,
      envelopes: grant.records.map(envelopeOf),
      text: spool.text(message.msgid),
    });
    this.#underWay--;
    this.#envelopes -= grant.records.length;
    const tookMs = clock.monotonicMs() - beganMs;
    this.#recorder.add(grant.message, attemptsEnded(grant.records, results, tookMs), grant);
  }

  /** Of what is late a trace says what it was late for. */
  #tellWait({ records, waitedFor }: Grant, nowMs: number): void {
    const dueMs = records.reduce((first, record) => Math.min(first, record.dueMs), Infinity);
    const waitedMs = nowMs - dueMs;
    if (waitedMs < TOLD_WAIT_MS) return;
    const evpids = records.map(evpidOf);
    this.#context.observe({ kind: "waited", evpids, waitedMs, reason: waitedFor });
  }

  /** Has the next turn come after `delayMs`, or when the next envelope is due if that is sooner. */
  #arm(delayMs: number): void {
    const { scheduler, tiers, clock } = this.#context;
    const nowMs = clock.monotonicMs();
    const nextDueMs = Math.min(scheduler.nextExpiryMs, tiers.nextDueMs);
    const dueMs = Math.min(nowMs + delayMs, nextDueMs);
    // A timer that comes too early does no harm, and saves making one for each message.
    if (dueMs === Infinity || (this.#timerDueMs <= dueMs && this.#timerDueMs > nowMs)) return;
    this.#cancelTimer();
    this.#timerDueMs = Math.min(Math.max(dueMs, nowMs), nowMs + MAX_TIMER_MS);
    this.#cancelTimer = clock.after(this.#timerDueMs - nowMs, () => {
      this.#timerDueMs = Infinity;
      this.wake();
    });
  }
}
