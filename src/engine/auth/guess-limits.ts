/**
 * Slows down who guesses passwords: of one source, and of one user from whatever sources.
 * Each failure fills a bucket that empties with time; while it is full, attempts are put
 * off, whatever they show, so that nothing is learnt from them. No more attempts are looked
 * at at once than failures are left: who guesses with many connections gains nothing by that.
 *
 * Anybody can fill the bucket of a user, and must not keep him out with that: who has
 * shown who he is from an address lately is let through from there.
 *
 * Sources are as base/source-network.ts has them. Clients of this machine ("local") share one
 * name, and are held by the buckets of users alone.
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";
import { sourceNetwork } from "#base/source-network.ts";

/** Failures of one source that are taken at once, and after which time one is forgotten. */
export const SOURCE_FAILURES = 10;
export const SOURCE_FORGET_MS = 60_000;
/** The same for one user. */
export const USER_FAILURES = 20;
const USER_FORGET_MS = 60_000;
/** How long an address is known as that of a user. */
const KNOWN_MS: number = 7 * 86_400_000;
/** Of sources, of users, and of addresses that are known: the oldest is forgotten first. */
export const MAX_REMEMBERED = 20_000;

/** Whose attempts are put off. */
export type Held = "source" | "user" | undefined;

export class GuessLimits {
  readonly #clock: Clock;
  readonly #sources: Buckets;
  readonly #users: Buckets;
  /** When a user was last seen at an address. */
  readonly #known = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sources = new Buckets(SOURCE_FAILURES, SOURCE_FORGET_MS);
    this.#users = new Buckets(USER_FAILURES, USER_FORGET_MS);
  }

  /**
   * Whether an attempt may be looked at, as soon as that can be said; one that may has to
   * `leave`. `user` is in the form in which users are compared.
   */
  enter(user: string, address: string): Promise<Held> | Held {
    const held = this.held(user, address);
    if (held !== undefined) return held;
    const turn = this.#turn(user, address);
    if (turn !== undefined) return turn.then(() => this.enter(user, address));
    this.#users.enter(user);
    if (address !== "local") this.#sources.enter(sourceNetwork(address));
    return undefined;
  }

  /** An attempt was looked at, and has failed before if it has failed. */
  leave(user: string, address: string): void {
    this.#users.leave(user);
    if (address !== "local") this.#sources.leave(sourceNetwork(address));
  }

  /** Whether attempts are put off at the moment. */
  held(user: string, address: string): Held {
    const nowMs = this.#clock.monotonicMs();
    if (address !== "local" && this.#sources.isFull(sourceNetwork(address), nowMs)) return "source";
    return this.#users.isFull(user, nowMs) && !this.#isKnown(user, address) ? "user" : undefined;
  }

  /** An attempt has failed: returns whose further attempts are put off from now on. */
  failed(user: string, address: string): Held {
    const nowMs = this.#clock.monotonicMs();
    const isUserFull = this.#users.add(user, nowMs);
    const isSourceFull = address !== "local" && this.#sources.add(sourceNetwork(address), nowMs);
    if (isSourceFull) return "source";
    return isUserFull ? "user" : undefined;
  }

  succeeded(user: string, address: string): void {
    remember(this.#known, pair(user, address), this.#clock.monotonicMs());
  }

  /** What has to be waited for: attempts under way that may use up all failures that are left. */
  #turn(user: string, address: string): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs();
    const source = address === "local" ? undefined : sourceNetwork(address);
    const turn = source === undefined ? undefined : this.#sources.turn(source, nowMs);
    return turn ?? (this.#isKnown(user, address) ? undefined : this.#users.turn(user, nowMs));
  }

  #isKnown(user: string, address: string): boolean {
    const seenMs = this.#known.get(pair(user, address));
    return seenMs !== undefined && this.#clock.monotonicMs() - seenMs < KNOWN_MS;
  }
}

/** Attempts that are looked at, and whoever waits for one of them to end. */
interface UnderWay {
  attempts: number;
  waiting: (() => void)[];
}

/** A failure is worth `#eachMs`; a bucket is kept as the time at which it is empty. */
class Buckets {
  readonly #fullMs: number;
  readonly #eachMs: number;
  readonly #emptyAtMs = new Map<string, number>();
  readonly #underWay = new Map<string, UnderWay>();

  constructor(failures: number, eachMs: number) {
    this.#fullMs = failures * eachMs;
    this.#eachMs = eachMs;
  }

  isFull(key: string, nowMs: number): boolean {
    return this.#failuresLeft(key, nowMs) < 1;
  }

  enter(key: string): void {
    const underWay = this.#underWay.get(key);
    if (underWay === undefined) this.#underWay.set(key, { attempts: 1, waiting: [] });
    else underWay.attempts++;
  }

  leave(key: string): void {
    const underWay = this.#underWay.get(key);
    if (underWay === undefined) return;
    const { waiting } = underWay;
    underWay.waiting = [];
    if (--underWay.attempts === 0) this.#underWay.delete(key);
    for (const resolve of waiting) resolve();
  }

  /** Undefined: one more may be looked at, as it may fail as well. */
  turn(key: string, nowMs: number): Promise<void> | undefined {
    const underWay = this.#underWay.get(key);
    if (underWay === undefined || underWay.attempts < this.#failuresLeft(key, nowMs))
      return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    underWay.waiting.push(resolve);
    return promise;
  }

  /** How many failures there may be yet. */
  #failuresLeft(key: string, nowMs: number): number {
    const owedMs = Math.max((this.#emptyAtMs.get(key) ?? nowMs) - nowMs, 0);
    return Math.floor((this.#fullMs - owedMs) / this.#eachMs);
  }

  /** Whether this failure has filled the bucket. */
  add(key: string, nowMs: number): boolean {
    const wasFull = this.isFull(key, nowMs);
    const emptyAtMs = Math.max(this.#emptyAtMs.get(key) ?? nowMs, nowMs) + this.#eachMs;
    remember(this.#emptyAtMs, key, Math.min(emptyAtMs, nowMs + this.#fullMs));
    return !wasFull && this.isFull(key, nowMs);
  }
}

/** Sets `key` as the newest, and forgets the oldest where there are too many. */
function remember(map: Map<string, number>, key: string, value: number): void {
  map.delete(key);
  map.set(key, value);
  keepLatest(map, MAX_REMEMBERED);
}

function pair(user: string, address: string): string {
  return `${user}\0${address}`;
}
