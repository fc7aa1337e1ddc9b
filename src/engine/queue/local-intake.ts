/**
 * The queue's door for sessions in the same process: one-process mode, and tests.
 *
 * A text is kept in memory while it is small; then it goes to a blob as it
 * arrives, with at most MAX_UNWRITTEN_BYTES on its way to the disk.
 */
import type { Envelope, Message } from "#model/envelope.ts";
import { type Intake, INLINE_TEXT_BYTES, type Receipt, type Submission } from "#model/intake.ts";
import type { CommitOutcome } from "#engine/spool/spool.ts";

/** Text of one submission that waits for the disk, before the writer is asked to stop. */
export const MAX_UNWRITTEN_BYTES: number = 1024 * 1024;

/** What a local intake needs of the queue. */
export interface LocalDoor {
  hasRoom(bytes: number): boolean;
  reserveMsgids(count: number): readonly string[];
  releaseMsgids(msgids: readonly string[]): void;
  blobWrite(msgid: string, text: readonly Uint8Array[]): Promise<CommitOutcome>;
  blobDrop(msgid: string): Promise<void>;
  accept(
    message: Message,
    envelopes: readonly Envelope[],
    text: readonly Uint8Array[] | "blob",
  ): Promise<Receipt>;
}

export class LocalIntake implements Intake {
  readonly #door: LocalDoor;

  constructor(door: LocalDoor) {
    this.#door = door;
  }

  hasRoom(bytes: number): boolean {
    return this.#door.hasRoom(bytes);
  }

  open(): Submission | undefined {
    const [msgid] = this.#door.reserveMsgids(1);
    return msgid === undefined ? undefined : new LocalSubmission(this.#door, msgid);
  }
}

class LocalSubmission implements Submission {
  readonly msgid: string;
  readonly #door: LocalDoor;
  #mode: "memory" | "blob" | "ended" = "memory";
  #chunks: Uint8Array[] = [];
  #textBytes = 0;
  #unwrittenBytes = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #trouble: "full" | "failed" | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(door: LocalDoor, msgid: string) {
    this.#door = door;
    this.msgid = msgid;
  }

  write(text: Uint8Array): boolean {
    if (this.#mode === "ended") throw new RangeError("Cannot write: submission is over");
    this.#textBytes += text.length;
    if (this.#mode === "memory" && this.#textBytes > INLINE_TEXT_BYTES) {
      this.#mode = "blob";
      for (const chunk of this.#chunks) this.#send(chunk);
      this.#chunks = [];
    }
    if (this.#mode === "memory") this.#chunks.push(text);
    else this.#send(text);
    return this.#unwrittenBytes < MAX_UNWRITTEN_BYTES;
  }

  drained(): Promise<void> {
    if (this.#unwrittenBytes < MAX_UNWRITTEN_BYTES) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  async commit(message: Message, envelopes: readonly Envelope[]): Promise<Receipt> {
    if (message.textBytes !== this.#textBytes) {
      throw new RangeError(
        `Cannot commit: ${this.#textBytes} bytes were written, not ${message.textBytes}`,
      );
    }
    const inBlob = this.#mode === "blob";
    this.#mode = "ended";
    await this.#lastWrite;
    if (this.#trouble !== undefined) {
      await this.#door.blobDrop(this.msgid);
      this.#door.releaseMsgids([this.msgid]);
      return { kind: "refused", why: this.#trouble };
    }
    return this.#door.accept(message, envelopes, inBlob ? "blob" : this.#chunks);
  }

  abort(): void {
    if (this.#mode === "ended") return;
    this.#mode = "ended";
    this.#chunks = [];
    // Drops the text, too, if there is any.
    this.#door.releaseMsgids([this.msgid]);
  }

  #send(text: Uint8Array): void {
    if (this.#trouble !== undefined) return;
    this.#unwrittenBytes += text.length;
    // Writes are kept in order by waiting for the one before.
    this.#lastWrite = this.#lastWrite.then(() => this.#writeOut(text));
  }

  async #writeOut(text: Uint8Array): Promise<void> {
    if (this.#trouble === undefined) {
      const outcome = await this.#door.blobWrite(this.msgid, [text]);
      if (outcome !== "durable") this.#trouble = outcome;
    }
    this.#unwrittenBytes -= text.length;
    if (this.#unwrittenBytes >= MAX_UNWRITTEN_BYTES) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
