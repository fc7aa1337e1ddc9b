/**
 * A queue that keeps messages in memory, and fails as it is told to: "no-room" at
 * MAIL, "gone" at DATA, "full" or "failed" at the end; "slow" wants a pause after
 * every write.
 */
import type { Envelope, Message } from "#model/envelope.ts";
import type { Intake, Receipt, Submission } from "#model/intake.ts";

export interface KeptMessage {
  readonly message: Message;
  readonly envelopes: readonly Envelope[];
  readonly text: Buffer;
}

export class MemoryIntake implements Intake {
  readonly kept: KeptMessage[] = [];
  /** Submissions that were neither committed nor aborted. */
  openCount = 0;
  aborted = 0;
  readonly #mood: string;
  #next = 1;

  constructor(mood: string) {
    this.#mood = mood;
  }

  hasRoom(bytes: number): boolean {
    return this.#mood !== "no-room" && bytes < Number.MAX_SAFE_INTEGER;
  }

  open(): Submission | undefined {
    if (this.#mood === "gone") return undefined;
    this.openCount++;
    const chunks: Uint8Array[] = [];
    const mood = this.#mood;
    return {
      msgid: (this.#next++).toString(16).padStart(8, "0"),
      write: (text) => {
        chunks.push(text);
        return mood !== "slow";
      },
      drained: () => Promise.resolve(),
      commit: (message, envelopes) => this.#commit(message, envelopes, Buffer.concat(chunks)),
      abort: () => {
        this.openCount--;
        this.aborted++;
      },
    };
  }

  async #commit(message: Message, envelopes: readonly Envelope[], text: Buffer): Promise<Receipt> {
    this.openCount--;
    await Promise.resolve();
    if (this.#mood === "full" || this.#mood === "failed")
      return { kind: "refused", why: this.#mood };
    this.kept.push({ message, envelopes, text });
    return { kind: "accepted" };
  }
}
