/**
 * The responses of OCSP that a dispatcher shows certificates with, as lookup has told it.
 *
 * They stay when lookup is gone, each until its own end.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Staple } from "#model/staple.ts";
import { MAX_IDENTITIES } from "#model/tls-material.ts";

export class StapleShelf {
  readonly #clock: Clock;
  readonly #staples = new Map<string, Staple>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(staple: Staple): void {
    const { fingerprint, response } = staple;
    if (response.length === 0) this.#staples.delete(fingerprint);
    else if (this.#staples.has(fingerprint) || this.#staples.size < MAX_IDENTITIES)
      this.#staples.set(fingerprint, staple);
  }

  response(fingerprint: string): Uint8Array | undefined {
    const staple = this.#staples.get(fingerprint);
    if (staple === undefined || staple.untilMs <= this.#clock.wallMs()) return undefined;
    return staple.response;
  }
}
