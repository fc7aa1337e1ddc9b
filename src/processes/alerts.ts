/**
 * Alerts in the log: somebody within the daemon has asked for what no configuration leads to.
 *
 * Who asks like that may ask without end, and is not to fill the disk of the log: MAX_ALERTS
 * are told in PERIOD_MS, those that are more are counted, and their number is told at its end.
 */
import type { Clock } from "#base/ports/clock.ts";

const MAX_ALERTS = 60;
const PERIOD_MS = 60_000;

export class Alerts {
  readonly #clock: Clock;
  readonly #warn: (text: string) => void;
  /** Since the period has begun. */
  #count = 0;

  constructor(clock: Clock, warn: (text: string) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  readonly tell = (text: string): void => {
    if (this.#count === 0) this.#clock.after(PERIOD_MS, () => this.#end());
    this.#count++;
    if (this.#count <= MAX_ALERTS) this.#warn(`alert: ${text}`);
  };

  #end(): void {
    const more = this.#count - MAX_ALERTS;
    this.#count = 0;
    if (more > 0) this.#warn(`alert: ${more} more within a minute`);
  }
}
