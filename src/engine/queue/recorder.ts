/**
 * Makes results durable, with the reports that they cause, and then acts on them.
 *
 * Results of one message that arrive in one turn are one batch, all or nothing:
 * a failure is never on disk without its report. A batch that cannot be stored is
 * stored again later and its envelopes stay where they are, not tried again, so
 * that a full disk makes no duplicates. Only the end of the process makes it
 * forget; then the envelopes are attempted again (RFC 5321 §6.1: never lost).
 *
 * What is to be reported as failed or delayed waits a second while other recipients
 * of the message are under way, to share a report (gathering.ts); a delivery never waits.
 * OpenSMTPD records the failure and waits with the bounce, so that a crash between them
 * loses the report; here a crash costs one attempt more.
 */
import { stampMs } from "#base/time/stamp.ts";
import type { Action } from "#protocols/dsn/delivery-status.ts";
import type { CommitOutcome } from "#engine/spool/spool.ts";
import type { BounceWriter } from "#engine/bounce/bounce.ts";
import {
  type EnvelopeRecord,
  envelopeOf,
  evpidOf,
  type MessageRecord,
} from "#engine/scheduler/record.ts";
import type { Grant } from "#engine/scheduler/scheduler.ts";
import { delayMs, laterMs, type QueueContext, tellRemoved, wallOffsetMs } from "./context.ts";
import { type Batch, Gathering } from "./gathering.ts";
import { NoticeDrafts, type NoticeWriting } from "./notice-drafts.ts";
import { noticeOf, warnedAfter } from "./notices.ts";
import { wasUnreached } from "./unreached.ts";
import {
  type Deferral,
  type Ended,
  entryOf,
  retryCountAfter,
  type Verdict,
  verdictOn,
} from "./verdict.ts";

/** Pause before a batch is stored again; doubled each time up to MAX_PAUSE_MS. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** What a limit held back is not tried again sooner, whatever the limit says. */
const MIN_HELD_MS = 1000;

const NONE: readonly string[] = Object.freeze([]);
const NO_DEFERRAL: Deferral = Object.freeze({ nextTryMs: 0, warnedMs: 0 });

export interface RecorderSettings {
  /** `bounce warn-interval`, ascending. */
  readonly warnIntervalsMs: readonly number[];
  /** Called when there may be something to start. */
  wake(): void;
}

export class Recorder {
  readonly #context: QueueContext;
  readonly #writing: NoticeWriting;
  readonly #wake: () => void;
  /** `bounce warn-interval`, ascending. */
  #warnIntervalsMs: readonly number[];
  readonly #gathering: Gathering;
  /** Pauses under way; each function ends one. */
  readonly #pauses = new Set<() => void>();
  #recording = 0;
  #stopped = false;

  constructor(context: QueueContext, bounces: BounceWriter, settings: RecorderSettings) {
    this.#context = context;
    this.#writing = { bounces, largeUnderWay: 0 };
    this.#wake = () => settings.wake();
    this.#warnIntervalsMs = settings.warnIntervalsMs;
    this.#gathering = new Gathering(context.clock, {
      mayWait: (ended) => sharesReport(noticeOf(this.#verdict(ended))),
      record: (batch) => void this.#record(batch),
      release: (grants) => this.#release(grants),
    });
  }

  /** Delays are told by other intervals from now on. */
  takeUp(warnIntervalsMs: readonly number[]): void {
    this.#warnIntervalsMs = warnIntervalsMs;
  }

  /** Batches that are not durable yet. */
  get busy(): number {
    return this.#recording + this.#gathering.size;
  }

  /** Takes ended envelopes, all of `message`; `grant` is released when they are recorded, or wait. */
  add(message: MessageRecord, ended: readonly Ended[], grant: Grant | undefined): void {
    for (const { record } of ended) record.state = "recording";
    this.#gathering.add(message, ended, grant);
  }

  /** From now on what cannot be stored is given up, to be attempted again after a restart. */
  stop(): void {
    this.#stopped = true;
    this.#gathering.endWaits();
    for (const end of this.#pauses) end();
  }

  #release(grants: readonly Grant[]): void {
    for (const grant of grants) this.#context.scheduler.release(grant);
    this.#wake();
  }

  async #record(batch: Batch): Promise<void> {
    this.#recording++;
    const notices = new NoticeDrafts(this.#context, this.#writing, batch.message.message);
    let left = batch;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const verdicts = left.ended.map((ended) => this.#verdict(ended));
      const outcome = await this.#store(verdicts, notices);
      if (outcome === "durable") {
        this.#act(left, verdicts);
        notices.sent();
        break;
      }
      // A deferral that was not stored costs an early attempt after a restart, no more.
      if (verdicts.every((verdict) => verdict.kind === "deferred")) {
        this.#act(left, verdicts.map(untold));
        notices.discard();
        break;
      }
      if (outcome === "no-way") left = this.#recordOthers(left, verdicts);
      if (this.#stopped) break;
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
    this.#recording--;
    this.#wake();
  }

  /** Records all but the failures, which wait for a way to report them; a delivery never waits. */
  #recordOthers(batch: Batch, verdicts: readonly Verdict[]): Batch {
    const { failed = [], others = [] } = Object.groupBy(verdicts, (verdict) =>
      noticeOf(verdict) === "failed" ? "failed" : "others",
    );
    if (others.length === 0) return batch;
    void this.#record({ ...batch, ended: others.map(({ ended }) => ended) });
    return { ...batch, ended: failed.map(({ ended }) => ended), grants: [] };
  }

  #verdict(ended: Ended): Verdict {
    const { record, result } = ended;
    if (result.outcome !== "deferred") return verdictOn(ended, NO_DEFERRAL);
    const nextTryMs = this.#nextTryMs(ended);
    const warnedMs = warnedAfter(record, nextTryMs, this.#warnIntervalsMs);
    return verdictOn(ended, { nextTryMs, warnedMs });
  }

  #nextTryMs({ record, result }: Ended): number {
    const { clock } = this.#context;
    const usualMs = laterMs(clock, record, record.retryCount + 1);
    if (result.held === undefined) return usualMs;
    const { untilMs } = result.held;
    const nowMs = clock.monotonicMs();
    // Not at once again, and no later than if it had been tried.
    return Math.min(usualMs, Math.max(untilMs - wallOffsetMs(clock), nowMs + MIN_HELD_MS));
  }

  /** "no-way": it cannot be found out now where a failure is reported. */
  async #store(
    verdicts: readonly Verdict[],
    drafts: NoticeDrafts,
  ): Promise<CommitOutcome | "no-way"> {
    const { clock, spool } = this.#context;
    const notices = await drafts.entries(verdicts);
    if (notices === "unavailable") {
      this.#trouble("Cannot route a bounce", "its recipient cannot be looked up now");
      return "no-way";
    }
    const nowMs = clock.monotonicMs();
    const offsetMs = wallOffsetMs(clock);
    const entries = verdicts.map((verdict) => entryOf(verdict, nowMs, offsetMs));
    const outcome = await spool.commit([...entries, ...notices]);
    if (outcome !== "durable") this.#trouble("Cannot record results", `the spool says: ${outcome}`);
    return outcome;
  }

  #act({ grants }: Batch, verdicts: readonly Verdict[]): void {
    for (const grant of grants) this.#context.scheduler.release(grant);
    // Who was put off in the very attempt in which another got through had its try.
    for (const verdict of verdicts) this.#rememberDeferral(verdict);
    const again = verdicts.flatMap((verdict) => this.#unreachedSince(verdict));
    for (const verdict of verdicts) this.#actOn(verdict);
    const waits = verdicts.map(({ ended }) => ended.record).filter(maySleep);
    this.#context.tiers.sleep(waits);
    this.#context.tiers.hasten(again);
  }

  #rememberDeferral({ kind, ended }: Verdict): void {
    const { unreached } = this.#context;
    const { route } = ended.record;
    if (kind !== "deferred" || route?.key.subsystem !== "mta") return;
    const evpid = evpidOf(ended.record);
    if (wasUnreached(ended.result)) unreached.add(route.key.name, evpid);
    else unreached.answered(route.key.name, evpid);
  }

  /** What is to be tried now, as something got through on its route. */
  #unreachedSince({ kind, ended }: Verdict): readonly string[] {
    const { route } = ended.record;
    if (kind !== "delivered" || route?.key.subsystem !== "mta") return NONE;
    return this.#context.unreached.reached(route.key.name);
  }

  #actOn(verdict: Verdict): void {
    const { scheduler, index } = this.#context;
    const { record } = verdict.ended;
    this.#tell(verdict);
    if (verdict.kind !== "deferred") {
      scheduler.finish(record);
      index.remove(record);
      return;
    }
    const { result } = verdict.ended;
    record.retryCount = retryCountAfter(verdict.ended);
    const { status, diagnostic, remote } = result;
    record.lastWords = { status, diagnostic, remote, limit: result.held?.limit ?? "" };
    record.warnedMs = verdict.warnedMs;
    // An order may have come while the deferral was being stored.
    if (record.afterwards === "remove") {
      this.add(record.owner, [{ ...verdict.ended, cause: "order" }], undefined);
      return;
    }
    record.state = record.afterwards === "suspend" ? "suspended" : "waiting";
    record.dueMs = verdict.nextTryMs;
    // It had its try.
    record.graceUntilMs = 0;
    record.afterwards = "retry";
  }

  #tell(verdict: Verdict): void {
    const { clock, observe } = this.#context;
    const { record, result, cause, tookMs } = verdict.ended;
    const { message } = record.owner;
    const about = { message, envelope: envelopeOf(record), delayMs: delayMs(clock, record) };
    if (cause === "expired") observe({ kind: "expired", ...about, diagnostic: result.diagnostic });
    if (cause === "attempt") {
      const attempt = {
        beganAtMs: Math.round(record.lastTryAtWallMs),
        tookMs,
        number: record.retryCount + 1,
        nextTryAtMs:
          verdict.kind === "deferred" ? stampMs(verdict.nextTryMs + wallOffsetMs(clock)) : 0,
      };
      observe({ kind: "delivery", ...about, result, attempt });
    }
    if (verdict.kind === "removed") tellRemoved(this.#context, record);
  }

  #trouble(what: string, cause: string): void {
    this.#context.observe({ kind: "spool-trouble", what, cause });
  }

  async #pause(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#context.clock.after(pauseMs, resolve);
    this.#pauses.add(resolve);
    await promise;
    cancel();
    this.#pauses.delete(resolve);
  }
}

/** What is done with it for now. */
function maySleep({ state }: EnvelopeRecord): boolean {
  return state === "waiting" || state === "suspended";
}

/** The sender was not told. */
function untold(verdict: Verdict): Verdict {
  return verdict.kind === "deferred"
    ? { ...verdict, warnedMs: verdict.ended.record.warnedMs }
    : verdict;
}

/** A delivery is recorded at once, whoever is told of it. */
function sharesReport(notice: Action | undefined): boolean {
  return notice === "failed" || notice === "delayed";
}
