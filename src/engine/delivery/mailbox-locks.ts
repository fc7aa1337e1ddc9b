/**
 * Locks of mboxes: a file `MAILBOX.lock` beside each, which only one program can make
 * (link(2) fails where it is). That is the one lock that every program which writes an mbox
 * on Debian takes; fcntl(2), which many take as well, is out of reach for Node.
 *
 * Who asks within this process stands in line. A lock that has not been touched for
 * STALE_MS was left behind and is taken away, as procmail, mutt and liblockfile do.
 * Promise: a lock is held for less than that, or its holder was stuck.
 *
 * Source: lockfile_create(3) of liblockfile; Debian policy, 11.6.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { randomSessionId } from "#model/ids.ts";
import { removeQuietly } from "./quiet-removal.ts";

/** How long one delivery waits for others, programs of the machine among them. */
const LOCK_WAIT_MS = 30_000;
const LOCK_RETRY_MS = 1_000;
/** liblockfile's and procmail's are 5 and 17 minutes. */
const STALE_MS: number = 5 * 60_000;
/** Deliveries to one mailbox that stand in line. */
const MAX_IN_LINE = 100;
const LOCK_PERMISSIONS = 0o444;

export interface LockPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
}

export type MailboxLock =
  | { readonly kind: "held"; release(): Promise<void> }
  | { readonly kind: "busy" }
  /** Its folder takes no lock. */
  | { readonly kind: "impossible"; readonly cause: FilesError };

interface Line {
  waiting: number;
  last: Promise<void>;
}

export class MailboxLocks {
  readonly #ports: LockPorts;
  readonly #pid: number;
  readonly #lines = new Map<string, Line>();

  /** @param pid whom a lock is of: it is in the file, for those who look. */
  constructor(ports: LockPorts, pid: number) {
    this.#ports = ports;
    this.#pid = pid;
  }

  /** Never rejects. */
  async take(mailbox: string): Promise<MailboxLock> {
    const line = this.#lines.get(mailbox) ?? { waiting: 0, last: Promise.resolve() };
    if (line.waiting >= MAX_IN_LINE) return { kind: "busy" };
    this.#lines.set(mailbox, line);
    line.waiting++;
    const before = line.last;
    const { promise: done, resolve: next } = Promise.withResolvers<void>();
    line.last = done;
    await before;
    const leave = (): void => {
      line.waiting--;
      if (line.waiting === 0) this.#lines.delete(mailbox);
      next();
    };
    const taken = await this.#make(`${mailbox}.lock`);
    if (taken !== "made") {
      leave();
      return taken === "busy" ? { kind: "busy" } : { kind: "impossible", cause: taken };
    }
    return {
      kind: "held",
      release: async () => {
        await removeQuietly(this.#ports.files, `${mailbox}.lock`);
        leave();
      },
    };
  }

  async #make(lock: string): Promise<"made" | "busy" | FilesError> {
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + LOCK_WAIT_MS;
    try {
      for (;;) {
        if (await this.#tryOnce(lock)) return "made";
        if (await this.#removeStale(lock)) continue;
        if (clock.monotonicMs() + LOCK_RETRY_MS > deadlineMs) return "busy";
        await new Promise<void>((resolve) => {
          clock.after(LOCK_RETRY_MS, resolve);
        });
      }
    } catch (error) {
      if (error instanceof FilesError) return error;
      throw error;
    }
  }

  /** A file of another name, so that the lock is never there without what it says. */
  async #tryOnce(lock: string): Promise<boolean> {
    const { files, random } = this.#ports;
    const temporary = `${lock}.${randomSessionId(random)}`;
    const file = await files.open(temporary, "create", LOCK_PERMISSIONS);
    try {
      try {
        await file.write([Buffer.from(`${this.#pid}\n`)], 0);
      } finally {
        await file.close();
      }
      await files.link(temporary, lock);
      return true;
    } catch (error) {
      if (error instanceof FilesError && error.code === "EEXIST") return false;
      throw error;
    } finally {
      await removeQuietly(files, temporary);
    }
  }

  /** True: there is none any more. */
  async #removeStale(lock: string): Promise<boolean> {
    const { files, clock } = this.#ports;
    try {
      const { modifiedAtMs } = await files.stat(lock);
      if (clock.wallMs() - modifiedAtMs < STALE_MS) return false;
      await files.unlink(lock);
    } catch (error) {
      if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
    }
    return true;
  }
}
