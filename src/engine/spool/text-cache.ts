/**
 * Texts that were accepted lately, so that a first attempt reads no disk. Bounded
 * in bytes: the text that was accepted first goes first.
 */

/** A view that is smaller than its buffer by this factor is copied. */
const MAX_BALLAST = 2;

export class TextCache {
  readonly #maxBytes: number;
  readonly #texts = new Map<string, readonly Uint8Array[]>();
  /** Walks over the texts once; starting anew each time would pass all that were dropped. */
  #oldest: Iterator<string> = this.#texts.keys();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps `text`, whose bytes must not change from now on. */
  put(msgid: string, text: readonly Uint8Array[]): void {
    this.drop(msgid);
    this.#texts.set(msgid, text.map(withoutBallast));
    this.#bytes += lengthOf(text);
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  get(msgid: string): readonly Uint8Array[] | undefined {
    return this.#texts.get(msgid);
  }

  drop(msgid: string): void {
    const text = this.#texts.get(msgid);
    if (text === undefined) return;
    this.#texts.delete(msgid);
    this.#bytes -= lengthOf(text);
  }

  #dropOldest(): void {
    const next = this.#oldest.next();
    if (next.done === true) this.#oldest = this.#texts.keys();
    else this.drop(next.value);
  }
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

/** A small view would keep a large buffer alive that nobody counts. */
function withoutBallast(chunk: Uint8Array): Uint8Array {
  return chunk.buffer.byteLength > MAX_BALLAST * chunk.length ? chunk.slice() : chunk;
}
