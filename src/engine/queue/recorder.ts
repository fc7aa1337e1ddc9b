/**
 * Makes results durable, with the bounces that they cause, and then acts on them.
 *
 * Results of one message that arrive in one turn are one batch, all or nothing:
 * a failure is never on disk without its bounce. A batch that cannot be stored is
 * stored again later and its envelopes stay where they are, not tried again, so
 * that a full disk makes no duplicates. Only the end of the process makes it
 * forget; then the envelopes are attempted again (RFC 5321 §6.1: never lost).
 */
import type { CommitOutcome, SpoolEntry } from "#engine/spool/spool.ts";
import type { BounceDraft, BounceWriter } from "#engine/bounce/bounce.ts";
import { envelopeOf, type MessageRecord } from "#engine/scheduler/record.ts";
import type { Grant } from "#engine/scheduler/scheduler.ts";
import { delayMs, enrol, laterMs, type QueueContext, wallOffsetMs } from "./context.ts";
import { type Ended, entryOf, reportOf, type Verdict, verdictOn, wantsNotice } from "./verdict.ts";

/** Pause before a batch is stored again; doubled each time up to MAX_PAUSE_MS. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

/** What is recorded together. */
interface Bundle {
  readonly message: MessageRecord;
  readonly ended: Ended[];
  readonly grants: Grant[];
  /** Written once, however often the batch is stored. */
  draft: BounceDraft | undefined;
}

export class Recorder {
  readonly #context: QueueContext;
  readonly #bounces: BounceWriter;
  /** Called when there may be something to start. */
  readonly #wake: () => void;
  #gathered = new Map<MessageRecord, Bundle>();
  /** Pauses under way; each function ends one. */
  readonly #pauses = new Set<() => void>();
  #busy = 0;
  #stopped = false;

  constructor(context: QueueContext, bounces: BounceWriter, wake: () => void) {
    this.#context = context;
    this.#bounces = bounces;
    this.#wake = wake;
  }

  /** Batches that are not durable yet. */
  get busy(): number {
    return this.#busy;
  }

  /** Takes ended envelopes, all of `message`; `grant` is released when they are recorded. */
  add(message: MessageRecord, ended: readonly Ended[], grant: Grant | undefined): void {
    let bundle = this.#gathered.get(message);
    if (bundle === undefined) {
      bundle = { message, ended: [], grants: [], draft: undefined };
      if (this.#gathered.size === 0) queueMicrotask(() => this.#flush());
      this.#gathered.set(message, bundle);
      this.#busy++;
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
    for (const end of this.#pauses) end();
  }

  #flush(): void {
    const bundles = this.#gathered;
    this.#gathered = new Map();
    for (const bundle of bundles.values()) void this.#record(bundle);
  }

  async #record(bundle: Bundle): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const verdicts = this.#verdicts(bundle);
      const outcome = await this.#store(bundle, verdicts);
      // A deferral that was not stored costs an early attempt after a restart, no more.
      if (outcome === "durable" || verdicts.every((verdict) => verdict.kind === "deferred")) {
        this.#act(bundle, verdicts);
        break;
      }
      if (this.#stopped) break;
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
    this.#busy--;
    this.#wake();
  }

  #verdicts(bundle: Bundle): readonly Verdict[] {
    const { clock } = this.#context;
    return bundle.ended.map((ended) =>
      verdictOn(ended, laterMs(clock, ended.record, ended.record.retryCount + 1)),
    );
  }

  async #store(bundle: Bundle, verdicts: readonly Verdict[]): Promise<CommitOutcome> {
    const { clock, spool } = this.#context;
    const bounce = await this.#bounceEntry(bundle, verdicts);
    if (bounce === "unavailable") {
      this.#trouble("Cannot route a bounce", "its recipient cannot be looked up now");
      return "failed";
    }
    const nowMs = clock.monotonicMs();
    const offsetMs = wallOffsetMs(clock);
    const entries = verdicts.map((verdict) => entryOf(verdict, nowMs, offsetMs));
    const outcome = await spool.commit([...entries, ...bounce]);
    if (outcome !== "durable") this.#trouble("Cannot record results", `the spool says: ${outcome}`);
    return outcome;
  }

  async #bounceEntry(
    bundle: Bundle,
    verdicts: readonly Verdict[],
  ): Promise<readonly SpoolEntry[] | "unavailable"> {
    const failed = verdicts.filter(wantsNotice);
    if (failed.length === 0) {
      // None did, or an operator removed those that had while their bounce was waiting to be stored.
      this.#discard(bundle);
      return [];
    }
    if (bundle.draft === undefined || bundle.draft.kind === "unavailable") {
      const { message } = bundle.message;
      bundle.draft = await this.#bounces.write({
        message,
        text: this.#context.spool.text(message.msgid),
        recipients: failed.map(reportOf),
        newMsgid: () => this.#context.msgids.take(),
      });
    }
    const { draft } = bundle;
    if (draft.kind === "unavailable") return "unavailable";
    if (draft.kind === "dropped") return [];
    return [
      {
        kind: "accepted",
        message: draft.message,
        envelopes: draft.envelopes,
        text: [draft.text],
      },
    ];
  }

  #discard(bundle: Bundle): void {
    if (bundle.draft?.kind === "bounce") this.#context.msgids.settle(bundle.draft.message.msgid);
    bundle.draft = undefined;
  }

  #act(bundle: Bundle, verdicts: readonly Verdict[]): void {
    const { scheduler, observe } = this.#context;
    for (const grant of bundle.grants) scheduler.release(grant);
    for (const verdict of verdicts) this.#actOn(verdict);
    const { draft } = bundle;
    const { message } = bundle.message;
    if (draft?.kind === "dropped") observe({ kind: "bounce-dropped", message, why: draft.why });
    if (draft?.kind === "bounce") {
      this.#context.msgids.settle(draft.message.msgid);
      enrol(this.#context, draft.message, draft.envelopes);
      observe({ kind: "bounce", message, msgid: draft.message.msgid });
    }
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
    if (record.retryCount === 0) index.compact(record.owner);
    record.retryCount++;
    const { status, diagnostic, remote } = result;
    record.lastWords = index.words({ status, diagnostic, remote });
    // An order may have come while the deferral was being stored.
    if (record.afterwards === "remove") {
      this.add(record.owner, [{ ...verdict.ended, cause: "order" }], undefined);
    } else if (record.afterwards === "suspend") scheduler.suspend(record);
    else scheduler.wait(record, verdict.nextTryMs);
    if (record.afterwards === "suspend") record.afterwards = "retry";
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
