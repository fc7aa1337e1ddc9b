/**
 * How many reports one host is sent, by mail or over HTTPS, within a UTC day.
 *
 * A record in the DNS names whom it likes, who is not asked: with many domains it could have all
 * reports about them go to a stranger, and those that are refused again each hour.
 *
 * Promises: MAX_A_DAY for a host at most. A restart forgets what was sent before it.
 */
import { DAY_MS } from "./day-findings.ts";

/** More than a service has customers among the domains that one server sends mail to. */
export const MAX_A_DAY = 1000;

export class RecipientLimits {
  readonly #sent = new Map<string, number>();
  #day = 0;

  /** One more for `host`; false: it has had all that it gets today. */
  admits(host: string, wallMs: number): boolean {
    const day = Math.floor(wallMs / DAY_MS);
    if (day !== this.#day) this.#sent.clear();
    this.#day = day;
    const sent = this.#sent.get(host) ?? 0;
    if (sent >= MAX_A_DAY) return false;
    this.#sent.set(host, sent + 1);
    return true;
  }
}
