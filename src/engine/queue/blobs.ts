/**
 * Large texts on their way in: which are open, and that what happens to one of
 * them happens in order, also when an id that was given up is used again.
 */
import type { Blob, CommitOutcome, Spool } from "#engine/spool/spool.ts";

/** Large texts that arrive at once; more are refused as "full". */
export const MAX_OPEN_BLOBS = 1000;

interface OpenBlob {
  readonly blob: Blob;
  /** The first trouble, after which nothing more is written. */
  trouble: CommitOutcome | undefined;
  lastWrite: Promise<unknown>;
}

export class Blobs {
  readonly #spool: Spool;
  readonly #open = new Map<string, OpenBlob>();
  readonly #dropping = new Map<string, Promise<void>>();

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Adds text; resolves when it is written. "durable" here means written. */
  async write(msgid: string, text: Uint8Array): Promise<CommitOutcome> {
    await this.#dropping.get(msgid);
    const open = this.#open.get(msgid) ?? this.#start(msgid);
    if (open === undefined) return "full";
    if (open.trouble !== undefined) return open.trouble;
    const written = open.blob.write(text);
    open.lastWrite = written;
    const outcome = await written;
    if (outcome !== "durable") open.trouble = outcome;
    return outcome;
  }

  /** Whether a text is there and was written without trouble. */
  isWhole(msgid: string): boolean {
    const open = this.#open.get(msgid);
    return open !== undefined && open.trouble === undefined;
  }

  /** The spool's `accepted` entry has taken the text over. */
  forget(msgid: string): void {
    this.#open.delete(msgid);
  }

  /** Gives the text up; harmless if there is none. */
  async drop(msgid: string): Promise<void> {
    const open = this.#open.get(msgid);
    if (open === undefined) return;
    this.#open.delete(msgid);
    const dropped = open.lastWrite.then(() => open.blob.drop());
    this.#dropping.set(msgid, dropped);
    await dropped;
    this.#dropping.delete(msgid);
  }

  #start(msgid: string): OpenBlob | undefined {
    if (this.#open.size >= MAX_OPEN_BLOBS) return undefined;
    const open: OpenBlob = {
      blob: this.#spool.openBlob(msgid),
      trouble: undefined,
      lastWrite: Promise.resolve(),
    };
    this.#open.set(msgid, open);
    return open;
  }
}
