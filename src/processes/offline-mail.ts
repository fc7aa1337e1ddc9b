/**
 * Mail that was written while there was no daemon: the parent sees whose it is, and has a
 * process of that user hand it in (hand-in-main.ts).
 *
 * The parent opens no file of the folder and reads no byte of one; it lists, looks at what
 * stat(2) says, and starts processes. It looks at the start, when the folder changes, and every
 * RESCAN_MS. How much is done at once is bounded, so that a user who fills the folder has his
 * own mail wait and nobody else's: MAX_HAND_INS processes, one for each owner, MAX_NAMES_EACH files
 * for each process, owners in turn; and looking takes a small part of the time, LOOK_SHARE.
 *
 * A file that was not taken waits, each time twice as long up to MAX_RETRY_MS; so does an owner
 * whose process did not end as it should. What is given up says the process of its owner.
 */
import { Deadline } from "#base/time/deadline.ts";
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { ListedFolder } from "#base/ports/listed-folder.ts";
import type { UsersByUid } from "#base/ports/users.ts";
import { FAILED_SUFFIX } from "#engine/enqueue/dropped-names.ts";
import {
  HAND_IN_EXIT,
  type HandInOrder,
  type RunningHandIn,
  type StartHandIn,
} from "./hand-in-order.ts";
import { handInOrder, type HandInPolicy } from "./hand-in-rights.ts";
import { type Found, scanDrops } from "./offline-scan.ts";
import { RetryTimes } from "./retry-times.ts";

export const MAX_HAND_INS = 4;
/** So long after a change, as one seldom comes alone. */
export const LOOK_DELAY_MS = 500;
/** Between two looks at least so many times as long as the last one took. */
const LOOK_SHARE = 10;
export const RESCAN_MS = 300_000;
/** A process that takes longer is killed: its user may have stopped it. */
export const HAND_IN_MS: number = 15 * 60_000;
const STOP_GRACE_MS = 10_000;
/** What is no mail is told when there is more of it, but not more often. */
const ODD_TOLD_MS = 3_600_000;

const FIRST_RETRY_MS = 60_000;
const MAX_RETRY_MS: number = 4 * 3_600_000;
const MAX_FILES_REMEMBERED = 10_000;
/** More than the uids that one user may have of his own (subuid(5)): all of them wait, and others do not. */
const MAX_OWNERS_REMEMBERED = 100_000;

const ORDERLY: ReadonlySet<number> = new Set(Object.values(HAND_IN_EXIT));

export interface OfflinePorts {
  readonly clock: Clock;
  readonly files: Pick<Files, "stat" | "unlink" | "rename">;
  readonly listed: ListedFolder;
  readonly users: UsersByUid;
  readonly start: StartHandIn;
}

export interface OfflineSettings extends HandInPolicy {
  readonly folder: string;
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
}

interface Running {
  readonly process: RunningHandIn;
  readonly settled: Promise<void>;
}

export class OfflineMail {
  readonly #ports: OfflinePorts;
  readonly #settings: OfflineSettings;
  readonly #look: Deadline;
  readonly #files: RetryTimes<string>;
  readonly #owners: RetryTimes<number>;
  readonly #running = new Map<number, Running>();
  /** Of the last look, whose turn has not come. */
  #turns = new Map<number, readonly string[]>();
  #state: "off" | "on" | "stopping" = "off";
  /** Since it is on; by the wall clock. */
  #takenSinceMs = 0;
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  /** Monotonic; Infinity while no look is due. */
  #lookAtMs = Number.POSITIVE_INFINITY;
  #isServing = false;
  #unwatch: (() => void) | undefined;
  #isMore = false;
  #oddTold = { count: 0, atMs: Number.NEGATIVE_INFINITY };
  #lookTookMs = 0;

  constructor(ports: OfflinePorts, settings: OfflineSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#look = new Deadline(ports.clock, () => this.#lookNow());
    const times = { firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS };
    this.#files = new RetryTimes(ports.clock, { ...times, max: MAX_FILES_REMEMBERED });
    this.#owners = new RetryTimes(ports.clock, { ...times, max: MAX_OWNERS_REMEMBERED });
  }

  /** From now on mail is handed in; the daemon takes it by now. */
  start(): void {
    if (this.#state !== "off") return;
    this.#state = "on";
    this.#takenSinceMs = this.#ports.clock.wallMs();
    this.#lookNow();
  }

  /** Resolves when no process runs any more. */
  async stop(): Promise<void> {
    this.#state = "stopping";
    this.#look.stop();
    this.#unwatch?.();
    this.#turns.clear();
    const running = [...this.#running.values()];
    for (const { process } of running) process.stop();
    const cancel = this.#ports.clock.after(STOP_GRACE_MS, () => {
      for (const { process } of this.#running.values()) process.kill();
    });
    await this.#looking;
    await Promise.all(running.map(({ settled }) => settled));
    cancel();
  }

  #lookNow(): void {
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    if (this.#state !== "on") return;
    if (this.#looking !== undefined) {
      this.#isLookWanted = true;
      return;
    }
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookOnce(): Promise<void> {
    const { clock, listed } = this.#ports;
    const begunMs = clock.monotonicMs();
    this.#isLookWanted = false;
    // Before the look, so that nothing comes between the two.
    this.#unwatch?.();
    this.#unwatch = listed.onceChanged(() => this.#lookSoon());
    const found = await this.#scan();
    this.#lookTookMs = clock.monotonicMs() - begunMs;
    if (this.#state !== "on") return;
    this.#turns = new Map(found?.due);
    this.#isMore = found?.isMore === true;
    if (found !== undefined) this.#tell(found);
    const nextInMs = Math.min(RESCAN_MS, this.#files.nextInMs, this.#owners.nextInMs);
    this.#lookWithin(Math.max(this.#pauseMs, nextInMs));
    if (this.#isLookWanted) this.#lookSoon();
    await this.#serve();
    // Behind owners of whom none was served.
    if (this.#isMore && this.#running.size === 0) this.#lookSoon();
  }

  #lookSoon(): void {
    this.#lookWithin(this.#pauseMs);
  }

  /** Not later than `delayMs` from now. */
  #lookWithin(delayMs: number): void {
    const atMs = this.#ports.clock.monotonicMs() + delayMs;
    if (this.#state !== "on" || atMs >= this.#lookAtMs) return;
    this.#lookAtMs = atMs;
    this.#look.set(delayMs);
  }

  get #pauseMs(): number {
    return Math.max(LOOK_DELAY_MS, LOOK_SHARE * this.#lookTookMs);
  }

  async #scan(): Promise<Found | undefined> {
    const { folder, warn } = this.#settings;
    try {
      return await scanDrops(
        this.#ports,
        folder,
        (name, uid) => this.#files.isDue(name) && this.#owners.isDue(uid),
      );
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      warn(`offline mail: cannot look into ${folder}: ${error.message}`);
      return undefined;
    }
  }

  #tell({ abandoned, odd: { count, example } }: Found): void {
    const { folder, info, warn } = this.#settings;
    if (abandoned > 0) info(`offline mail: ${abandoned} removed that were never completed`);
    const nowMs = this.#ports.clock.monotonicMs();
    const told = this.#oddTold;
    if (count === 0 || (count <= told.count && nowMs - told.atMs < 24 * ODD_TOLD_MS)) return;
    if (nowMs - told.atMs < ODD_TOLD_MS) return;
    this.#oddTold = { count, atMs: nowMs };
    warn(`offline mail: ${count} in ${folder} is no mail and stays there, such as ${example}`);
  }

  /** Starts processes for owners in turn, as many as may run. */
  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    for (let turn = this.#nextTurn(); turn !== undefined; turn = this.#nextTurn()) {
      const [uid, names] = turn;
      const order = await handInOrder(this.#settings, this.#ports.users, uid, names);
      if (this.#state !== "on") break;
      if (typeof order === "string") this.#refuse(uid, names, order);
      else {
        this.#isMore ||= order.names.length < names.length;
        this.#run(uid, order);
      }
    }
    this.#isServing = false;
  }

  #nextTurn(): readonly [number, readonly string[]] | undefined {
    if (this.#running.size >= MAX_HAND_INS) return undefined;
    for (const turn of this.#turns) {
      const [uid] = turn;
      if (this.#running.has(uid)) continue;
      this.#turns.delete(uid);
      if (this.#owners.isDue(uid)) return turn;
    }
    return undefined;
  }

  #refuse(uid: number, names: readonly string[], why: string): void {
    this.#owners.failed(uid);
    this.#settings.warn(
      `offline mail: ${names.length} of uid ${uid} not handed in, and kept: ${why}`,
    );
  }

  #run(uid: number, order: HandInOrder): void {
    const { clock, start } = this.#ports;
    const process = start(order, this.#takenSinceMs);
    const cancel = clock.after(HAND_IN_MS, () => process.kill());
    this.#running.set(uid, { process, settled: this.#settle(uid, order, process, cancel) });
  }

  async #settle(
    uid: number,
    order: HandInOrder,
    { ended }: RunningHandIn,
    cancelKill: () => void,
  ): Promise<void> {
    const end = await ended;
    cancelKill();
    await this.#ended(uid, order, end);
    this.#running.delete(uid);
    // More of his, or of those who are behind him, may wait.
    if (this.#isMore) this.#lookSoon();
    await this.#serve();
  }

  async #ended(uid: number, order: HandInOrder, end: number | string): Promise<void> {
    if (order.rights.kind === "root") await this.#dispose(order, end);
    if (typeof end === "number" && ORDERLY.has(end)) this.#owners.forget(uid);
    else {
      this.#owners.failed(uid);
      const how = typeof end === "string" ? end : `exited with ${end}`;
      this.#settings.warn(`offline mail of ${order.name} is kept: who hands it in ${how}`);
    }
    for (const name of order.names) {
      if (await this.#isThere(name)) this.#files.failed(name);
      else this.#files.forget(name);
    }
    // What was seen of his meanwhile may be gone.
    if (this.#turns.delete(uid)) this.#isMore = true;
    this.#lookWithin(Math.min(this.#files.nextInMs, this.#owners.nextInMs));
  }

  /** Who handed in root's file had no right any more to do it. */
  async #dispose({ names: [name] }: HandInOrder, end: number | string): Promise<void> {
    const { folder, warn } = this.#settings;
    const path = `${folder}/${name}`;
    try {
      if (end === HAND_IN_EXIT.done) await this.#ports.files.unlink(path);
      if (end === HAND_IN_EXIT.givenUp)
        await this.#ports.files.rename(path, `${path}${FAILED_SUFFIX}`);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      warn(`offline mail of root cannot be put away: ${error.message}`);
    }
  }

  async #isThere(name: string): Promise<boolean> {
    try {
      await this.#ports.files.stat(`${this.#settings.folder}/${name}`);
      return true;
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      return false;
    }
  }
}
