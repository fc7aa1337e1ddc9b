/**
 * Makes results durable, with the reports that they cause, and then acts on them.
 *
 * Results of one message that arrive in one turn are one batch, all or nothing:
 * a failure is never on disk without its report. A batch that cannot be stored is
 * stored again later and its envelopes stay where they are, not tried again, so
 * that a full disk makes no duplicates. Only the end of the process makes it
 * forget; then the envelopes are attempted again (RFC 5321 §6.1: never lost).
 *
 * What is to be reported as failed or delayed waits for GATHER_MS while other
 * recipients of the message are under way, to share a report; a delivery never waits.
 * OpenSMTPD records the failure and waits with the bounce, so that a crash between them
 * loses the report; here a crash costs one attempt more.
 */
import type { CommitOutcome } from "#engine/spool/spool.ts";
import type { BounceWriter } from "#engine/bounce/bounce.ts";
import { type EnvelopeRecord, envelopeOf, type MessageRecord } from "#engine/scheduler/record.ts";
import type { Grant } from "#engine/scheduler/scheduler.ts";
import { delayMs, laterMs, type QueueContext, wallOffsetMs } from "./context.ts";
import { NoticeDrafts, type NoticeWriting } from "./notice-drafts.ts";
import { noticeOf, warnedAfter } from "./notices.ts";
import { type Deferral, type Ended, entryOf, type Verdict, verdictOn } from "./verdict.ts";

/** Pause before a batch is stored again; doubled each time up to MAX_PAUSE_MS. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** How long a report waits for more recipients. Source: OpenSMTPD bounce.c waits as long. */
const GATHER_MS = 1000;

/** What is recorded together. */
interface Bundle {
  readonly message: MessageRecord;
  readonly ended: Ended[];
  readonly grants: Grant[];
  readonly notices: NoticeDrafts;
}

export class Recorder {
  readonly #context: QueueContext;
  readonly #writing: NoticeWriting;
  readonly #wake: () => void;
  /** `bounce warn-interval`, ascending. */
  #warnIntervalsMs: readonly number[];
  #gathered = new Map<MessageRecord, Bundle>();
  /** What waits to be reported with more of its message; each function ends the wait's timer. */
  readonly #waiting = new Map<MessageRecord, { readonly bundle: Bundle; cancel(): void }>();
  /** Pauses under way; each function ends one. */
  readonly #pauses = new Set<() => void>();
  #busy = 0;
  #stopped = false;

  constructor(context: QueueContext, bounces: BounceWriter, settings: RecorderSettings) {
    this.#context = context;
    this.#writing = { bounces, largeUnderWay: 0 };
    this.#wake = () => settings.wake();
    this.#warnIntervalsMs = settings.warnIntervalsMs;
  }

  /** Delays are told by other intervals from now on. */
  takeUp(warnIntervalsMs: readonly number[]): void {
    this.#warnIntervalsMs = warnIntervalsMs;
  }

  /** Batches that are not durable yet. */
  get busy(): number {
    return this.#busy;
  }

  /** Takes ended envelopes, all of `message`; `grant` is released when they are recorded. */
  add(message: MessageRecord, ended: readonly Ended[], grant: Grant | undefined): void {
    let bundle = this.#gathered.get(message);
    if (bundle === undefined) {
      bundle = this.#bundle(message);
      if (this.#gathered.size === 0) queueMicrotask(() => this.#flush());
      this.#gathered.set(message, bundle);
    }
    for (const each of ended) {
      each.record.state = "recording";
      bundle.ended.push(each);
    }
    if (grant !== undefined) bundle.grants.push(grant);
  }

  /** From now on what cannot be stored is given up, to be attempted again after a restart. */
  stop(): void {
    this.#stopped = true;
    for (const message of this.#waiting.keys()) this.#endWait(message);
    for (const end of this.#pauses) end();
  }

  #bundle(message: MessageRecord): Bundle {
    this.#busy++;
    const notices = new NoticeDrafts(this.#context, this.#writing, message.message);
    return { message, ended: [], grants: [], notices };
  }

  #flush(): void {
    const bundles = this.#gathered;
    this.#gathered = new Map();
    for (const bundle of bundles.values()) this.#sort(bundle);
  }

  /** Records a batch, all but what can still share a report with others. */
  #sort(bundle: Bundle): void {
    const { message } = bundle;
    if (!this.#waiting.has(message) && !isUnderWay(message)) {
      void this.#record(bundle);
      return;
    }
    const { now = [], later = [] } = Object.groupBy(bundle.ended, (ended) =>
      this.#mayWait(ended) ? "later" : "now",
    );
    if (later.length > 0) this.#wait(message).ended.push(...later);
    if (now.length > 0) {
      void this.#record({ ...bundle, ended: now });
    } else {
      // Nothing that waits is under way any more.
      for (const grant of bundle.grants) this.#context.scheduler.release(grant);
      this.#busy--;
      this.#wake();
    }
    if (!isUnderWay(message)) this.#endWait(message);
  }

  #mayWait(ended: Ended): boolean {
    const notice = noticeOf(this.#verdict(ended));
    return notice === "failed" || notice === "delayed";
  }

  #wait(message: MessageRecord): Bundle {
    const waiting = this.#waiting.get(message);
    if (waiting !== undefined) return waiting.bundle;
    const bundle = this.#bundle(message);
    const cancel = this.#context.clock.after(GATHER_MS, () => this.#endWait(message));
    this.#waiting.set(message, { bundle, cancel });
    return bundle;
  }

  #endWait(message: MessageRecord): void {
    const waiting = this.#waiting.get(message);
    if (waiting === undefined) return;
    this.#waiting.delete(message);
    waiting.cancel();
    void this.#record(waiting.bundle);
  }

  async #record(bundle: Bundle): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const verdicts = bundle.ended.map((ended) => this.#verdict(ended));
      const outcome = await this.#store(bundle, verdicts);
      if (outcome === "durable") {
        this.#act(bundle, verdicts);
        bundle.notices.sent();
        break;
      }
      // A deferral that was not stored costs an early attempt after a restart, no more.
      if (verdicts.every((verdict) => verdict.kind === "deferred")) {
        this.#act(bundle, verdicts.map(untold));
        bundle.notices.discard();
        break;
      }
      if (this.#stopped) break;
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
    this.#busy--;
    this.#wake();
  }

  #verdict(ended: Ended): Verdict {
    const { record, result } = ended;
    if (result.outcome !== "deferred") return verdictOn(ended, NO_DEFERRAL);
    const nextTryMs = laterMs(this.#context.clock, record, record.retryCount + 1);
    const warnedMs = warnedAfter(record, nextTryMs, this.#warnIntervalsMs);
    return verdictOn(ended, { nextTryMs, warnedMs });
  }

  async #store(bundle: Bundle, verdicts: readonly Verdict[]): Promise<CommitOutcome> {
    const { clock, spool } = this.#context;
    const notices = await bundle.notices.entries(verdicts);
    if (notices === "unavailable") {
      this.#trouble("Cannot route a bounce", "its recipient cannot be looked up now");
      return "failed";
    }
    const nowMs = clock.monotonicMs();
    const offsetMs = wallOffsetMs(clock);
    const entries = verdicts.map((verdict) => entryOf(verdict, nowMs, offsetMs));
    const outcome = await spool.commit([...entries, ...notices]);
    if (outcome !== "durable") this.#trouble("Cannot record results", `the spool says: ${outcome}`);
    return outcome;
  }

  #act(bundle: Bundle, verdicts: readonly Verdict[]): void {
    for (const grant of bundle.grants) this.#context.scheduler.release(grant);
    for (const verdict of verdicts) this.#actOn(verdict);
    const waits = verdicts.map(({ ended }) => ended.record).filter(maySleep);
    this.#context.tiers.sleep(waits);
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
    record.retryCount++;
    const { status, diagnostic, remote } = result;
    record.lastWords = { status, diagnostic, remote };
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
    const { record, result, cause } = verdict.ended;
    const { message } = record.owner;
    const about = { message, envelope: envelopeOf(record), delayMs: delayMs(clock, record) };
    if (cause === "expired") observe({ kind: "expired", ...about, diagnostic: result.diagnostic });
    if (cause === "attempt") observe({ kind: "delivery", ...about, result });
    if (verdict.kind === "removed") {
      observe({ kind: "removed", ...about, diagnostic: "Removed by operator" });
    }
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

const NO_DEFERRAL: Deferral = Object.freeze({ nextTryMs: 0, warnedMs: 0 });

export interface RecorderSettings {
  /** `bounce warn-interval`, ascending. */
  readonly warnIntervalsMs: readonly number[];
  /** Called when there may be something to start. */
  wake(): void;
}

/** Whether more of a message may soon come to an end. */
function isUnderWay({ envelopes }: MessageRecord): boolean {
  return envelopes.some(({ state }) => state === "inflight" || state === "ready");
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
