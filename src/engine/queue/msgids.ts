/**
 * Message ids that are promised but not in the spool yet: granted to a dispatcher,
 * or in a commit that is under way. An id is promised once.
 */
import type { Random } from "#base/ports/random.ts";
import { randomMsgid } from "#model/ids.ts";

/** Ids promised at once; a grant is cut short where it would exceed this. */
const MAX_PROMISED = 1_000_000;

export class Msgids {
  readonly #random: Random;
  /** Whether the message with this id is stored. */
  readonly #isTaken: (msgid: string) => boolean;
  readonly #promised = new Map<string, "granted" | "used">();

  constructor(random: Random, isTaken: (msgid: string) => boolean) {
    this.#random = random;
    this.#isTaken = isTaken;
  }

  /** Up to `count` fresh ids. */
  grant(count: number): string[] {
    const room = MAX_PROMISED - this.#promised.size;
    const granted: string[] = [];
    while (granted.length < Math.min(count, room)) granted.push(this.take());
    return granted;
  }

  /** One fresh id, whatever the bound: for mail of the queue's own. */
  take(): string {
    for (;;) {
      const msgid = randomMsgid(this.#random);
      if (this.#promised.has(msgid) || this.#isTaken(msgid)) continue;
      this.#promised.set(msgid, "granted");
      return msgid;
    }
  }

  isGranted(msgid: string): boolean {
    return this.#promised.get(msgid) === "granted";
  }

  /** Marks a granted id as used; false if it was not granted, or was used before. */
  use(msgid: string): boolean {
    if (!this.isGranted(msgid)) return false;
    this.#promised.set(msgid, "used");
    return true;
  }

  /** The commit that used the id is over. */
  settle(msgid: string): void {
    this.#promised.delete(msgid);
  }

  /** Its holder is gone. An id in use stays so until its commit is over. */
  release(msgid: string): void {
    if (this.isGranted(msgid)) this.#promised.delete(msgid);
  }
}
