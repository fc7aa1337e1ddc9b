/**
 * How many reports are sent in an hour. Whoever did not authenticate may have given
 * anybody's address as the sender: reports to such addresses are backscatter if the mail
 * was spam (RFC 3834 §2, RFC 5321 §6.2). The best cure is to refuse at RCPT; this bounds
 * what is left of it.
 *
 * In memory alone: a restart begins a new hour.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Origin } from "#model/envelope.ts";
import type { NoticeLimit } from "#model/limit-name.ts";

const HOUR_MS = 3_600_000;
/** To one address, for mail that came from strangers. */
export const MAX_PER_STRANGER = 100;
/** To one address, for mail of authenticated and local clients: a list may have many dead members. */
export const MAX_PER_CLIENT = 10_000;
/** To all addresses together, for mail that came from strangers. */
export const MAX_TO_STRANGERS = 1000;
/** Addresses that are counted in an hour; those of clients beyond it are not. */
const MAX_COUNTED = 100_000;

export class NoticeLimits {
  readonly #clock: Clock;
  #hour = -1;
  #toStrangers = 0;
  readonly #bySender = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a report to `sender` about mail from `origin`; says what keeps it from being sent. */
  take(origin: Origin, sender: string): NoticeLimit | undefined {
    this.#turnHour();
    const isStranger = origin.kind === "smtp" && origin.username === "";
    const address = sender.toLowerCase();
    const sent = this.#bySender.get(address) ?? 0;
    if (sent >= (isStranger ? MAX_PER_STRANGER : MAX_PER_CLIENT)) return "notices-per-sender";
    if (isStranger && this.#toStrangers >= MAX_TO_STRANGERS) return "notices-to-strangers";
    if (isStranger) this.#toStrangers++;
    if (sent > 0 || this.#bySender.size < MAX_COUNTED) this.#bySender.set(address, sent + 1);
    return undefined;
  }

  #turnHour(): void {
    const hour = Math.floor(this.#clock.monotonicMs() / HOUR_MS);
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#toStrangers = 0;
    this.#bySender.clear();
  }
}
