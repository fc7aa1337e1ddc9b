/**
 * Large texts on their way in: which are open, and that what happens to one of
 * them happens in order, also when an id that was given up is used again.
 *
 * What comes while a text is being written is written together next: a thread has to be
 * woken for each write, which costs as much as to write some ten thousand bytes.
 */
import type { Blob, CommitOutcome, Spool } from "#engine/spool/spool.ts";

/** Large texts that arrive at once; more are refused as "full". */
const MAX_OPEN_BLOBS = 1000;

interface OpenBlob {
  readonly blob: Blob;
  /** The first trouble, after which nothing more is written. */
  trouble: CommitOutcome | undefined;
}

/** Text that waits until what came before it is written. */
interface Waiting {
  readonly text: Uint8Array[];
  readonly written: Promise<CommitOutcome>;
}

export class Blobs {
  readonly #spool: Spool;
  readonly #open = new Map<string, OpenBlob>();
  /** The last thing that was asked of each text; the next one waits for it. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** Writes that were asked for last and have not begun: more text may join them. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Adds text; resolves when it is written. "durable" here means written. */
  write(msgid: string, text: readonly Uint8Array[]): Promise<CommitOutcome> {
    if (!this.#last.has(msgid)) return this.#inTurn(msgid, () => this.#writeNow(msgid, text));
    const waiting = this.#waiting.get(msgid);
    if (waiting !== undefined) {
      waiting.text.push(...text);
      return waiting.written;
    }
    const joined = [...text];
    const written = this.#inTurn(msgid, () => {
      this.#waiting.delete(msgid);
      return this.#writeNow(msgid, joined);
    });
    this.#waiting.set(msgid, { text: joined, written });
    return written;
  }

  /** Whether all that was asked to be written is: "durable", or the first trouble; "failed" if there is no text. */
  written(msgid: string): Promise<CommitOutcome> {
    return this.#inTurn(msgid, async () => {
      const open = this.#open.get(msgid);
      return open === undefined ? "failed" : (open.trouble ?? "durable");
    });
  }

  /** The spool's `accepted` entry has taken the text over. */
  forget(msgid: string): void {
    this.#open.delete(msgid);
  }

  /** Gives the text up; harmless if there is none. */
  drop(msgid: string): Promise<void> {
    return this.#inTurn(msgid, async () => {
      const open = this.#open.get(msgid);
      this.#open.delete(msgid);
      await open?.blob.drop();
    });
  }

  async #writeNow(msgid: string, text: readonly Uint8Array[]): Promise<CommitOutcome> {
    const open = this.#open.get(msgid) ?? this.#start(msgid);
    if (open === undefined) return "full";
    if (open.trouble !== undefined) return open.trouble;
    const outcome = await open.blob.write(text);
    if (outcome !== "durable") open.trouble = outcome;
    return outcome;
  }

  async #inTurn<Result>(msgid: string, run: () => Promise<Result>): Promise<Result> {
    // Whatever is asked for now, a write that comes later must come after it.
    this.#waiting.delete(msgid);
    const before = this.#last.get(msgid);
    const result = before === undefined ? run() : before.then(run);
    this.#last.set(msgid, result);
    const value = await result;
    if (this.#last.get(msgid) === result) this.#last.delete(msgid);
    return value;
  }

  #start(msgid: string): OpenBlob | undefined {
    if (this.#open.size >= MAX_OPEN_BLOBS) return undefined;
    const open: OpenBlob = { blob: this.#spool.openBlob(msgid), trouble: undefined };
    this.#open.set(msgid, open);
    return open;
  }
}
