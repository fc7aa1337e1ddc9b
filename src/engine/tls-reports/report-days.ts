/**
 * The days of all domains: counted into while they last, kept over restarts, and reported at
 * a random moment after their end.
 *
 * Promises: never rejects, and never throws for what the network or the disk does. An idle
 * daemon sets no timers. A domain is asked for its record at its first session of a day: of one
 * that wants no reports nothing is kept.
 *
 * Source: RFC 8460 §4.1 (a UTC day; a delay of up to four hours, so that not all come at once).
 */
import type { Random } from "#base/ports/random.ts";
import { Semaphore } from "#base/semaphore.ts";
import { parseTlsrptRecord } from "#protocols/tlsrpt/tlsrpt-record.ts";
import { randomSessionId } from "#model/ids.ts";
import type { CountedSessions } from "#model/tls-session.ts";
import { DAY_MS, DayFindings } from "./day-findings.ts";
import { isoDay, type Reporter, sendReport, type SendingPorts } from "./report-sending.ts";
import { RecipientLimits } from "./recipient-limits.ts";
import type { ReportStore } from "./report-store.ts";

export interface DaysPorts extends SendingPorts {
  readonly random: Random;
  readonly store: ReportStore;
}

/** Of one day, those that want reports and those that do not. */
export const MAX_DOMAINS = 10_000;
/** Of all days together, in memory; what is new beyond that is not told apart, or not counted. */
export const MAX_KEPT_BYTES: number = 64 * 1024 * 1024;
/** What a crash forgets at most of what was counted. */
export const WRITE_MS = 60_000;
export const SPREAD_MS: number = 4 * 3_600_000;
/** Of a report that is late: the daemon was not there when it was due. */
const LATE_SPREAD_MS = 300_000;
export const RETRY_MS = 3_600_000;
/** RFC 8460 §5.5: for a day; from when it was due at the latest. */
const GIVE_UP_MS: number = SPREAD_MS + DAY_MS;
/** Domains that are asked for their record, or sent their report, at once. */
const MAX_AT_ONCE = 4;

interface Ended {
  readonly day: DayFindings;
  phase: "waiting" | "sending";
  cancel: () => void;
}

export class ReportDays {
  readonly #ports: DaysPorts;
  readonly #asking = new Semaphore(MAX_AT_ONCE);
  readonly #sending = new Semaphore(MAX_AT_ONCE);
  readonly #limits = new RecipientLimits();
  /** Of `#dayMs`, by domain. */
  readonly #counting = new Map<string, DayFindings>();
  /** Domains that want no reports, on that day. */
  readonly #unwanted = new Set<string>();
  readonly #ended = new Set<Ended>();
  /** Not on disk as they are. */
  readonly #changed = new Set<DayFindings>();
  #keptBytes = 0;
  #dayMs = 0;
  #reporter: Reporter | undefined;
  #cancelWrite: (() => void) | undefined;
  #cancelTurn: (() => void) | undefined;
  /** One thing after the other is done with the disk. */
  #disk: Promise<void> = Promise.resolve();
  #hasComplained = false;

  constructor(ports: DaysPorts) {
    this.#ports = ports;
  }

  /** Undefined: nothing is counted, and nothing is sent any more. */
  takeUp(reporter: Reporter | undefined): void {
    this.#reporter = reporter;
    if (reporter !== undefined) return;
    for (const day of this.#counting.values()) this.#forget(day);
    this.#counting.clear();
  }

  /** Reads what was kept before the start. */
  async load(): Promise<void> {
    const days = await this.#ports.store.readAll(MAX_DOMAINS);
    this.#turnDay();
    for (const day of days) {
      this.#keptBytes += day.bytes;
      const isToday = day.dayMs === this.#dayMs && !this.#counting.has(day.domain);
      if (isToday) this.#counting.set(day.domain, day);
      else this.#end(day);
    }
    this.#awaitTurn();
  }

  count(sessions: readonly CountedSessions[]): void {
    if (this.#reporter === undefined) return;
    this.#turnDay();
    for (const session of sessions) {
      const day = this.#dayOf(session.domain, this.#reporter);
      if (day === undefined) continue;
      const beforeBytes = day.bytes;
      day.add(session, MAX_KEPT_BYTES - this.#keptBytes);
      this.#keptBytes += day.bytes - beforeBytes;
      this.#changed.add(day);
      this.#cancelWrite ??= this.#ports.clock.after(WRITE_MS, () => this.#write());
    }
  }

  /** All that there is to tell, today's too, without waiting. */
  sendNow(): void {
    for (const day of this.#counting.values()) this.#end(day);
    this.#counting.clear();
    for (const ended of this.#ended) void this.#send(ended);
  }

  /** Keeps what is not kept yet. */
  stop(): Promise<void> {
    this.#cancelTurn?.();
    for (const { cancel } of this.#ended) cancel();
    this.#write();
    return this.#disk;
  }

  #dayOf(domain: string, { serverName }: Reporter): DayFindings | undefined {
    const known = this.#counting.get(domain);
    if (known !== undefined || this.#unwanted.has(domain)) return known;
    if (this.#counting.size + this.#unwanted.size >= MAX_DOMAINS) return undefined;
    if (this.#keptBytes >= MAX_KEPT_BYTES) return undefined;
    const id = `${isoDay(this.#dayMs)}.${randomSessionId(this.#ports.random)}`;
    const day = new DayFindings({ dayMs: this.#dayMs, domain, reportId: `${id}@${serverName}` });
    this.#counting.set(domain, day);
    this.#awaitTurn();
    void this.#asking.run(() => this.#askWish(day));
    return day;
  }

  /** Whoever cannot be asked now may want it. */
  async #askWish(day: DayFindings): Promise<void> {
    const answer = await this.#ports.resolver.texts(`_smtp._tls.${day.domain}`);
    if (answer.kind === "unavailable") return;
    if (answer.kind === "found" && parseTlsrptRecord(answer.value).length > 0) return;
    if (this.#counting.get(day.domain) !== day) return;
    this.#counting.delete(day.domain);
    this.#unwanted.add(day.domain);
    this.#forget(day);
  }

  /** Another day may have begun: the one before is over. */
  #turnDay(): void {
    const dayMs = Math.floor(this.#ports.clock.wallMs() / DAY_MS) * DAY_MS;
    if (dayMs === this.#dayMs) return;
    this.#dayMs = dayMs;
    for (const day of this.#counting.values()) this.#end(day);
    this.#counting.clear();
    this.#unwanted.clear();
  }

  #awaitTurn(): void {
    if (this.#cancelTurn !== undefined || this.#counting.size === 0) return;
    const leftMs = this.#dayMs + DAY_MS - this.#ports.clock.wallMs();
    this.#cancelTurn = this.#ports.clock.after(leftMs, () => {
      this.#cancelTurn = undefined;
      this.#turnDay();
      this.#awaitTurn();
    });
  }

  #end(day: DayFindings): void {
    const { clock, random } = this.#ports;
    const part = random.uint32() / 2 ** 32;
    const leftMs = day.dayMs + DAY_MS + part * SPREAD_MS - clock.wallMs();
    const ended: Ended = { day, phase: "waiting", cancel: () => undefined };
    this.#ended.add(ended);
    this.#sendAfter(ended, Math.max(leftMs, part * LATE_SPREAD_MS));
  }

  #sendAfter(ended: Ended, delayMs: number): void {
    ended.cancel = this.#ports.clock.after(delayMs, () => void this.#send(ended));
  }

  async #send(ended: Ended): Promise<void> {
    if (ended.phase === "sending") return;
    ended.phase = "sending";
    ended.cancel();
    const { day } = ended;
    const { clock, observe } = this.#ports;
    const result = await this.#sending.run(async () =>
      this.#reporter === undefined
        ? "finished"
        : sendReport({ ...this.#ports, limits: this.#limits }, this.#reporter, day),
    );
    const isLate = clock.wallMs() >= day.dayMs + DAY_MS + GIVE_UP_MS;
    if (result === "again" && !isLate) {
      this.#changed.add(day);
      this.#write();
      ended.phase = "waiting";
      this.#sendAfter(ended, RETRY_MS);
      return;
    }
    if (result === "again") {
      const text = `TLS report about ${day.domain} of ${isoDay(day.dayMs)} is given up`;
      observe({ kind: "warning", text });
    }
    this.#ended.delete(ended);
    this.#forget(day);
  }

  #forget(day: DayFindings): void {
    this.#changed.delete(day);
    this.#keptBytes -= day.bytes;
    this.#disk = this.#disk.then(() => this.#ports.store.remove(day));
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    for (const day of this.#changed) {
      this.#disk = this.#disk.then(() => this.#writeOne(day));
    }
    this.#changed.clear();
  }

  async #writeOne(day: DayFindings): Promise<void> {
    const fault = await this.#ports.store.write(day);
    if (fault === undefined || this.#hasComplained) return;
    this.#hasComplained = true;
    const text = `TLS reports cannot be kept over a restart: ${fault}`;
    this.#ports.observe({ kind: "warning", text });
  }
}
