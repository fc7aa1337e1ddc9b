/**
 * An agent's questions to the parent: what may it do for this delivery? Each is answered
 * in time, or "unavailable".
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import type { GrantedWarrant, WarrantRequest } from "#model/warrant.ts";

/** A mailbox may be locked by others for a while; the parent waits for half of this. */
const ANSWER_TIMEOUT_MS = 60_000;

export class WarrantAsker {
  readonly #clock: Clock;
  readonly #send: (message: ChildToParent) => void;
  readonly #waiting = new Map<number, (warrant: GrantedWarrant) => void>();
  #lastRequest = 0;

  constructor(clock: Clock, send: (message: ChildToParent) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Does with the warrant what `use` does; whatever is locked for it is given back after that. */
  async with<Value>(
    wanted: WarrantRequest,
    use: (warrant: GrantedWarrant) => Promise<Value>,
  ): Promise<Value> {
    const request = (this.#lastRequest = (this.#lastRequest + 1) >>> 0);
    const { promise, resolve } = Promise.withResolvers<GrantedWarrant>();
    this.#waiting.set(request, resolve);
    const cancel = this.#clock.after(ANSWER_TIMEOUT_MS, () =>
      this.answered(request, { kind: "unavailable", why: "The parent did not answer in time" }),
    );
    this.#send({ kind: "warrant-wanted", request, wanted });
    const warrant = await promise;
    cancel();
    try {
      return await use(warrant);
    } finally {
      if (warrant.kind === "mailbox") this.#send({ kind: "warrant-done", request });
    }
  }

  /** Takes an answer. One that came too late is given back: nobody works by it. */
  answered(request: number, warrant: GrantedWarrant): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    if (waiting !== undefined) waiting(warrant);
    else if (warrant.kind === "mailbox") this.#send({ kind: "warrant-done", request });
  }
}
