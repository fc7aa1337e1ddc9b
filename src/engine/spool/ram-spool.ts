/**
 * A spool in memory, for tests and for daemons that may forget: everything is
 * "durable" until the process ends. `recovered` plays what an earlier run left.
 */
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Blob, CommitOutcome, Spool, SpoolEntry, StoredMessage } from "./spool.ts";
import { Unfinished } from "./unfinished.ts";

export interface RamSpoolOptions {
  /** Bytes of text that may be kept; infinite if left out. */
  readonly maxTextBytes?: number;
  /** What `recovered` gives, with the texts by msgid. */
  readonly recovered?: readonly StoredMessage[];
  readonly texts?: ReadonlyMap<string, readonly Uint8Array[]>;
}

export class RamSpool implements Spool {
  readonly #unfinished = new Unfinished();
  readonly #texts = new Map<string, readonly Uint8Array[]>();
  readonly #blobs = new Map<string, Uint8Array[]>();
  readonly #maxTextBytes: number;
  #recovered: readonly StoredMessage[];
  #textBytes = 0;
  #closed = false;

  constructor(options: RamSpoolOptions = {}) {
    this.#maxTextBytes = options.maxTextBytes ?? Infinity;
    this.#recovered = options.recovered ?? [];
    for (const stored of this.#recovered) this.#unfinished.restore(stored);
    for (const [msgid, text] of options.texts ?? []) this.#keep(msgid, text);
  }

  async *recovered(): AsyncGenerator<readonly StoredMessage[]> {
    const recovered = this.#recovered;
    this.#recovered = [];
    if (recovered.length > 0) yield recovered;
  }

  async commit(batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    // A real spool answers later, too: callers must not rely on an immediate answer.
    await Promise.resolve();
    if (this.#closed) return "failed";
    let bytes = 0;
    for (const entry of batch) if (entry.kind === "accepted") bytes += entry.message.textBytes;
    if (!this.hasRoom(bytes)) return "full";
    for (const entry of batch) {
      if (entry.kind === "accepted") this.#keepAccepted(entry);
      const finished = this.#unfinished.apply(entry);
      if (finished !== undefined) this.#forget(finished);
    }
    return "durable";
  }

  openBlob(msgid: string): Blob {
    const chunks: Uint8Array[] = [];
    this.#blobs.set(msgid, chunks);
    return {
      write: (text) => {
        chunks.push(...text.map((piece) => piece.slice()));
        return Promise.resolve("durable");
      },
      drop: () => {
        this.#blobs.delete(msgid);
        return Promise.resolve();
      },
    };
  }

  text(msgid: string): MessageText {
    const chunks = this.#texts.get(msgid);
    return {
      bytes: chunks === undefined ? 0 : lengthOf(chunks),
      async *chunks() {
        if (chunks === undefined) throw new FilesError("ENOENT", `Cannot read text of ${msgid}`);
        yield* chunks;
      },
    };
  }

  has(msgid: string): boolean {
    return this.#unfinished.has(msgid);
  }

  hasRoom(bytes: number): boolean {
    return this.#textBytes + bytes <= this.#maxTextBytes;
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #keepAccepted(entry: Extract<SpoolEntry, { kind: "accepted" }>): void {
    const { msgid } = entry.message;
    if (entry.text !== "blob") {
      this.#keep(msgid, entry.text);
      return;
    }
    const blob = this.#blobs.get(msgid);
    if (blob === undefined) throw new TypeError(`Cannot accept ${msgid}: its blob was not opened`);
    this.#blobs.delete(msgid);
    this.#keep(msgid, blob);
  }

  #keep(msgid: string, text: readonly Uint8Array[]): void {
    this.#texts.set(msgid, text);
    this.#textBytes += lengthOf(text);
  }

  #forget(msgid: string): void {
    const text = this.#texts.get(msgid);
    if (text !== undefined) this.#textBytes -= lengthOf(text);
    this.#texts.delete(msgid);
  }
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
