/**
 * Counts what became of TLS sessions in a dispatcher, and hands the sums on once in a while:
 * sessions are many, and mostly alike.
 *
 * Promises: a timer runs only while there is something to hand on. While nobody takes it, at most
 * MAX_KINDS are kept; what else comes is not counted.
 */
import type { Clock } from "#base/ports/clock.ts";
import { MAX_SESSIONS_A_FRAME } from "#model/ipc/tls-report-link.ts";
import type { CountedSessions, TlsSession } from "#model/tls-session.ts";

/** What a crash of a dispatcher forgets at most. */
export const TALLY_MS = 10_000;
/** Of sessions that differ in something. */
export const MAX_KINDS = 2048;

export class SessionTally {
  readonly #clock: Clock;
  readonly #hand: (sessions: readonly CountedSessions[]) => boolean;
  readonly #counted = new Map<string, { readonly session: TlsSession; sessions: number }>();
  #cancel: (() => void) | undefined;

  /** @param hand false: nobody takes it now; at most MAX_SESSIONS_A_FRAME at once. */
  constructor(clock: Clock, hand: (sessions: readonly CountedSessions[]) => boolean) {
    this.#clock = clock;
    this.#hand = hand;
  }

  add(session: TlsSession): void {
    const key = keyOf(session);
    const counted = this.#counted.get(key);
    if (counted !== undefined) counted.sessions++;
    else if (this.#counted.size < MAX_KINDS) this.#counted.set(key, { session, sessions: 1 });
    this.#cancel ??= this.#clock.after(TALLY_MS, () => this.flush());
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    while (this.#counted.size > 0) {
      const some = [...this.#counted].slice(0, MAX_SESSIONS_A_FRAME);
      if (!this.#hand(some.map(([, { session, sessions }]) => ({ ...session, sessions })))) {
        this.#cancel = this.#clock.after(TALLY_MS, () => this.flush());
        return;
      }
      for (const [key] of some) this.#counted.delete(key);
    }
  }

  /** Hands on what there is, and waits for nothing more. */
  close(): void {
    this.flush();
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

function keyOf({ domain, policy, failure }: TlsSession): string {
  return JSON.stringify([domain, policy, failure]);
}
