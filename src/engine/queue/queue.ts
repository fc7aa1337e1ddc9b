/**
 * The queue: takes messages in, has them delivered, and reports what it could not
 * deliver. One instance owns one spool.
 *
 * Promises: "accepted" means durable; an envelope is in flight at most once; one
 * that is in the queue is delivered, bounced, removed by an operator, or still
 * there after a crash; each that waits has one reason, as data. How it is reached
 * (channels to dispatchers, or calls in one process) is not its business.
 *
 * Source: OpenSMTPD queue.c, scheduler.c; the life of a message is in docs/flow.md.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import { Drain } from "#base/time/drain.ts";
import type { Action } from "#model/config/action.ts";
import type { Carrier, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";
import type { Intake, Receipt } from "#model/intake.ts";
import type { Routing } from "#model/resolution.ts";
import type { Stranded } from "#model/stranded.ts";
import { DEFAULT_BOUNCE_WARN_INTERVALS_MS, SETTINGS } from "#model/config/defaults.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { CommitOutcome, Spool } from "#engine/spool/spool.ts";
import { BounceWriter } from "#engine/bounce/bounce.ts";
import { DEFAULT_SCHEDULER_LIMITS, type SchedulerLimits } from "#engine/scheduler/limits.ts";
import { Scheduler } from "#engine/scheduler/scheduler.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { Acceptance } from "./acceptance.ts";
import { Attempts } from "./attempts.ts";
import { Blobs } from "./blobs.ts";
import type { QueueContext } from "./context.ts";
import { type Gauge, gaugesOf } from "./gauges.ts";
import { LocalIntake } from "./local-intake.ts";
import { Msgids } from "./msgids.ts";
import { Operations } from "./operations.ts";
import { QueueIndex } from "./queue-index.ts";
import { Recorder } from "./recorder.ts";
import { recover } from "./recovery.ts";
import { Selection } from "./selection.ts";
import type { QueuedEnvelope } from "./show.ts";
import { DEFAULT_TIER_BOUNDS, type TierBounds, Tiers } from "./tiers.ts";
import { Unreached } from "./unreached.ts";

export interface QueuePorts {
  /** Opened; closed by `stop`. */
  readonly spool: Spool;
  readonly clock: Clock;
  readonly random: Random;
  /** Decides where bounces go. */
  readonly routing: Routing;
  readonly carrier: Carrier;
  readonly observe: Observe;
}

/** What a reload may change. A `Config` is one. */
export interface ConfiguredSettings extends SchedulerLimits {
  /** The name that bounces are signed with. */
  readonly serverName: string;
  /** When senders are told of a delay, ascending. */
  readonly bounceWarnIntervalsMs: readonly number[];
  /** Envelopes of one route that are tried again as soon as another gets through there. */
  readonly mtaMaxDeferred: number;
  /** By name. An envelope whose action is missing waits and says so. */
  readonly actions: ReadonlyMap<string, Action>;
}

export interface QueueSettings extends ConfiguredSettings {
  /** Envelopes in the queue; beyond it messages are refused as "full". */
  readonly maxEnvelopes: number;
  readonly tiers: TierBounds;
  /** How long `stop` waits for results of attempts under way. */
  readonly stopWaitMs: number;
  /** Subsystems that are paused from the start. */
  readonly paused: readonly DeliverySubsystem[];
}

/** What is left to say: `serverName` and `actions`. */
export const DEFAULT_QUEUE_SETTINGS: Omit<QueueSettings, "serverName" | "actions"> = Object.freeze({
  bounceWarnIntervalsMs: DEFAULT_BOUNCE_WARN_INTERVALS_MS,
  mtaMaxDeferred: SETTINGS.mtaMaxDeferred.default,
  ...DEFAULT_SCHEDULER_LIMITS,
  maxEnvelopes: 5_000_000,
  tiers: DEFAULT_TIER_BOUNDS,
  stopWaitMs: 10_000,
  paused: [],
});

export interface Queue {
  /**
   * Schedules what the spool has of an earlier process. Comes first, before anything is
   * accepted or ordered; until then nothing is attempted.
   * @throws {FilesError} if the spool cannot be read.
   */
  recover(): Promise<void>;
  /** Takes a message whose id was reserved. `text` is in order, or "blob" when `blobWrite` took it. */
  accept(
    message: Message,
    envelopes: readonly Envelope[],
    text: readonly Uint8Array[] | "blob",
  ): Promise<Receipt>;
  /** Adds to the text of a large message; resolves when it is written ("durable": written, not yet synced). */
  blobWrite(msgid: string, text: readonly Uint8Array[]): Promise<CommitOutcome>;
  blobDrop(msgid: string): Promise<void>;
  /** Up to `count` fresh message ids, which belong to the caller until accepted or released. */
  reserveMsgids(count: number): readonly string[];
  /** Their holder is gone, with the blobs that it began. */
  releaseMsgids(msgids: readonly string[]): void;
  /** Whether a message of `bytes` would be taken now. */
  hasRoom(bytes: number): boolean;
  /** The door for sessions in this process. */
  localIntake(): Intake;

  /**
   * May be walked slowly while the queue changes. In slices, which may be empty; between
   * two of them other work has its turn.
   */
  envelopes(target: Target): AsyncIterable<readonly QueuedEnvelope[]>;
  count(target: Target): Promise<number>;
  envelope(evpid: string): QueuedEnvelope | undefined;
  /** The text of a message, by msgid or evpid; undefined if it is not in the queue. */
  text(id: string): MessageText | undefined;
  /** Orders say how many envelopes they changed, once that is durable. */
  schedule(target: Target): Promise<number>;
  remove(target: Target): Promise<number>;
  suspend(target: Target): Promise<number>;
  unsuspend(target: Target): Promise<number>;
  /** False if it is so already. */
  pause(subsystem: DeliverySubsystem): boolean;
  resume(subsystem: DeliverySubsystem): boolean;
  isPaused(subsystem: DeliverySubsystem): boolean;
  /** How much there is of what now, under OpenSMTPD's names. Totals are counted from events (engine/observe). */
  gauges(): readonly Gauge[];

  /**
   * Works by another configuration from now on. What waits is bound to its actions by
   * name, with its own rule and ttl; says for what there is no action. Attempts under way go on.
   */
  takeUp(settings: ConfiguredSettings, routing: Routing): Stranded;

  /** Takes nothing more, waits for results as long as the settings allow, and closes the spool. */
  stop(): Promise<void>;
}

/** A queue that works as soon as it has recovered. */
export function createQueue(ports: QueuePorts, settings: QueueSettings): Queue {
  const { spool, clock, random, routing, carrier, observe } = ports;
  const index = new QueueIndex();
  const scheduler = new Scheduler(settings, settings.actions);
  const msgids = new Msgids(random, (msgid) => index.has(msgid) || spool.has(msgid));
  const tiers = new Tiers({ clock, index, scheduler }, settings.tiers);
  const unreached = new Unreached(settings.mtaMaxDeferred);
  const context: QueueContext = {
    clock,
    spool,
    observe,
    index,
    scheduler,
    tiers,
    msgids,
    unreached,
  };
  let drain: Drain | undefined;
  const wake = (): void => {
    attempts.wake();
    drain?.check();
  };
  const bounces = new BounceWriter({ clock, random, routing }, settings.serverName);
  const recorder = new Recorder(context, bounces, {
    warnIntervalsMs: settings.bounceWarnIntervalsMs,
    wake,
  });
  const attempts = new Attempts(context, { carrier, recorder, settings });
  const blobs = new Blobs(spool);
  const acceptance = new Acceptance(context, blobs, {
    bounces,
    maxEnvelopes: settings.maxEnvelopes,
    wake,
  });
  const selection = new Selection(context);
  const operations = new Operations(context, selection, wake);

  for (const subsystem of settings.paused) scheduler.pause(subsystem);
  const queue: Queue = {
    async recover() {
      await recover(context);
      wake();
    },
    accept: (message, envelopes, text) => acceptance.accept(message, envelopes, text),
    async blobWrite(msgid, text) {
      return msgids.isGranted(msgid) ? blobs.write(msgid, text) : "failed";
    },
    async blobDrop(msgid) {
      if (msgids.isGranted(msgid)) await blobs.drop(msgid);
    },
    reserveMsgids: (count) => msgids.grant(count),
    releaseMsgids(released) {
      for (const msgid of released) {
        if (!msgids.isGranted(msgid)) continue;
        msgids.release(msgid);
        void blobs.drop(msgid);
      }
    },
    hasRoom: (bytes) => acceptance.hasRoom(bytes),
    localIntake: () => new LocalIntake(queue),
    envelopes: (target) => selection.envelopes(target),
    count: (target) => selection.count(target),
    envelope: (evpid) => selection.envelope(evpid),
    text: (id) => selection.text(id),
    schedule: (target) => operations.schedule(target),
    remove: (target) => operations.remove(target),
    suspend: (target) => operations.suspend(target),
    unsuspend: (target) => operations.unsuspend(target),
    pause: (subsystem) => operations.pause(subsystem),
    resume: (subsystem) => operations.resume(subsystem),
    isPaused: (subsystem) => scheduler.isPaused(subsystem),
    gauges: () => gaugesOf(context, acceptance, attempts),
    takeUp(configured, by) {
      bounces.takeUp(by, configured.serverName);
      recorder.takeUp(configured.bounceWarnIntervalsMs);
      attempts.takeUp(configured);
      unreached.takeUp(configured.mtaMaxDeferred);
      const stranded = tiers.takeUp({ actions: configured.actions, limits: configured });
      wake();
      return stranded;
    },
    async stop() {
      acceptance.close();
      attempts.stop();
      drain = new Drain(() => attempts.underWay === 0 && recorder.busy === 0);
      await drain.wait(clock, settings.stopWaitMs);
      recorder.stop();
      await spool.close();
    },
  };
  return queue;
}
