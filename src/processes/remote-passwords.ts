/** The passwords of the system's users, as lookup asks for them: the process `auth`. */
import type { Clock } from "#base/ports/clock.ts";
import type { PasswordVerdict, SystemPasswords } from "#base/ports/system-passwords.ts";
import {
  MAX_SYSTEM_CHECKS,
  type SystemAnswer,
  type SystemQuestion,
} from "#model/ipc/system-auth-link.ts";
import type { Link } from "./channel.ts";

/** Less than a dispatcher waits for lookup. */
const CHECK_TIMEOUT_MS = 8000;

type AuthLink = Link<SystemAnswer, SystemQuestion>;

interface Waiting {
  readonly resolve: (verdict: PasswordVerdict) => void;
  readonly cancelTimeout: () => void;
}

export class RemotePasswords implements SystemPasswords {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #link: AuthLink | undefined;
  #lastRequest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  linked(link: AuthLink): void {
    this.#link = link;
    link.start({
      message: ({ request, verdict }) => this.#settle(request, verdict),
      closed: () => {
        // The old one may be known to be gone only after the next is there.
        if (this.#link === link) this.#link = undefined;
        for (const request of this.#waiting.keys()) this.#settle(request, "unavailable");
      },
    });
  }

  check(user: string, password: string): Promise<PasswordVerdict> {
    if (this.#link === undefined || this.#waiting.size >= MAX_SYSTEM_CHECKS)
      return Promise.resolve("unavailable");
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const request = this.#lastRequest;
    const { promise, resolve } = Promise.withResolvers<PasswordVerdict>();
    const cancelTimeout = this.#clock.after(CHECK_TIMEOUT_MS, () =>
      this.#settle(request, "unavailable"),
    );
    this.#waiting.set(request, { resolve, cancelTimeout });
    this.#link.send({ request, user, password });
    return promise;
  }

  #settle(request: number, verdict: PasswordVerdict): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#waiting.delete(request);
    waiting.cancelTimeout();
    waiting.resolve(verdict);
  }
}
