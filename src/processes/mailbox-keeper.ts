/**
 * The door to the mail spool: makes and locks the mailbox of an account in a folder where
 * only root, or the group of mail programs, may make files.
 *
 * The parent does it, by a name that it has checked and nothing else. It writes no mail:
 * that is for the account's agent. A lock belongs to one delivery of one agent, and goes
 * with either.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { type LockPorts, type MailboxLock, MailboxLocks } from "#engine/delivery/mailbox-locks.ts";
import { removeQuietly } from "#engine/delivery/quiet-removal.ts";
import { randomSessionId } from "#model/ids.ts";
import { MAIL_SPOOL } from "#policy/expand/warrant.ts";

const MAILBOX_PERMISSIONS = 0o600;
const WRITABLE_BY_ALL = 0o002;

export interface MailboxOwner {
  readonly uid: number;
  readonly gid: number;
}

export type OpenedMailbox =
  | { readonly kind: "opened"; readonly path: string; release(): Promise<void> }
  | { readonly kind: "unavailable"; readonly why: string };

export class MailboxKeeper {
  readonly #files: Files;
  readonly #random: Random;
  readonly #locks: MailboxLocks;

  constructor(ports: LockPorts, pid: number) {
    this.#files = ports.files;
    this.#random = ports.random;
    this.#locks = new MailboxLocks(ports, pid);
  }

  /**
   * @param name of the user, without a slash and not beginning with a dot.
   * @param owner who gets it if it is made; undefined: who runs this process.
   */
  async open(name: string, owner: MailboxOwner | undefined): Promise<OpenedMailbox> {
    const path = `${MAIL_SPOOL}/${name}`;
    const fault = await this.#spoolFault();
    if (fault !== undefined) return unavailable(fault);
    const lock: MailboxLock = await this.#locks.take(path);
    if (lock.kind === "busy") return unavailable("Mailbox is locked");
    if (lock.kind === "impossible")
      return unavailable(`Mailbox cannot be locked: ${lock.cause.code}`);
    try {
      await this.#makeIfMissing(path, owner);
      return { kind: "opened", path, release: () => lock.release() };
    } catch (error) {
      await lock.release();
      if (!(error instanceof FilesError)) throw error;
      return unavailable(`Mailbox cannot be made: ${error.code}`);
    }
  }

  /** Where all may make files, what has a user's name need not be his. */
  async #spoolFault(): Promise<string | undefined> {
    try {
      const { kind, mode } = await this.#files.statTarget(MAIL_SPOOL);
      if (kind !== "folder") return "The mail spool is no folder";
      return (mode & WRITABLE_BY_ALL) === 0 ? undefined : "The mail spool can be written by all";
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      return `The mail spool cannot be looked at: ${error.code}`;
    }
  }

  async #makeIfMissing(path: string, owner: MailboxOwner | undefined): Promise<void> {
    try {
      await this.#files.stat(path);
      return;
    } catch (error) {
      if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
    }
    // Under another name until it is its owner's: a crash must not leave him one of root's.
    const temporary = `${path}.lock.${randomSessionId(this.#random)}`;
    const file = await this.#files.open(temporary, "create", MAILBOX_PERMISSIONS);
    try {
      try {
        if (owner !== undefined) await file.giveTo(owner.uid, owner.gid);
      } finally {
        await file.close();
      }
      await this.#files.link(temporary, path);
    } catch (error) {
      // Another program was quicker: the agent looks whose it is.
      if (!(error instanceof FilesError) || error.code !== "EEXIST") throw error;
    } finally {
      await removeQuietly(this.#files, temporary);
    }
    await this.#files.syncFolder(MAIL_SPOOL);
  }
}

function unavailable(why: string): OpenedMailbox {
  return { kind: "unavailable", why };
}
