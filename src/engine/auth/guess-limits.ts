/**
 * Slows down who guesses passwords: of one source, and of one user from whatever sources.
 * Each failure fills a bucket that empties with time; while it is full, attempts are put
 * off, whatever they show, so that nothing is learnt from them.
 *
 * Anybody can fill the bucket of a user, and must not keep him out with that: who has
 * shown who he is from an address lately is let through from there.
 *
 * Sources are as base/source-network.ts has them. Clients of this machine ("local") share one
 * name, and are held by the buckets of users alone.
 */
import type { Clock } from "#base/ports/clock.ts";
import { sourceNetwork } from "#base/source-network.ts";

/** Failures of one source that are taken at once, and after which time one is forgotten. */
export const SOURCE_FAILURES = 10;
export const SOURCE_FORGET_MS = 60_000;
/** The same for one user. */
export const USER_FAILURES = 20;
export const USER_FORGET_MS = 60_000;
/** How long an address is known as that of a user. */
export const KNOWN_MS: number = 7 * 86_400_000;
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

  /** Whether an attempt may be looked at. `user` is in the form in which users are compared. */
  held(user: string, address: string): Held {
    const nowMs = this.#clock.monotonicMs();
    if (address !== "local" && this.#sources.isFull(sourceNetwork(address), nowMs)) return "source";
    if (!this.#users.isFull(user, nowMs)) return undefined;
    const seenMs = this.#known.get(pair(user, address));
    return seenMs !== undefined && nowMs - seenMs < KNOWN_MS ? undefined : "user";
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
}

/** A failure is worth `#eachMs`; a bucket is kept as the time at which it is empty. */
class Buckets {
  readonly #fullMs: number;
  readonly #eachMs: number;
  readonly #emptyAtMs = new Map<string, number>();

  constructor(failures: number, eachMs: number) {
    this.#fullMs = failures * eachMs;
    this.#eachMs = eachMs;
  }

  isFull(key: string, nowMs: number): boolean {
    return (this.#emptyAtMs.get(key) ?? nowMs) - nowMs > this.#fullMs - this.#eachMs;
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
  if (map.size <= MAX_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

function pair(user: string, address: string): string {
  return `${user}\0${address}`;
}
