/**
 * Addresses that another of the same server has outrun lately: they come after the others for
 * SLOW_MS, so that a family that leads nowhere costs its wait once, not for each message.
 *
 * Source: RFC 8305 §4 (what is known of former connections), §9.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";

const SLOW_MS: number = 10 * 60_000;
const MAX_SLOW = 1000;

export class SlowAddresses {
  readonly #clock: Clock;
  /** Until when, monotonic; the oldest first. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(endpoint: Endpoint): void {
    const key = formatEndpoint(endpoint);
    this.#untilMs.delete(key);
    this.#untilMs.set(key, this.#clock.monotonicMs() + SLOW_MS);
    keepLatest(this.#untilMs, MAX_SLOW);
  }

  /** The same, those that are slow behind the others. */
  behind(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (this.#untilMs.size === 0 || endpoints.length < 2) return endpoints;
    const slow = endpoints.filter((endpoint) => this.#isSlow(endpoint));
    if (slow.length === 0) return endpoints;
    return [...endpoints.filter((endpoint) => !slow.includes(endpoint)), ...slow];
  }

  #isSlow(endpoint: Endpoint): boolean {
    const untilMs = this.#untilMs.get(formatEndpoint(endpoint));
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs;
  }
}
