/**
 * Texts that were accepted lately, so that a first attempt reads no disk. Bounded
 * in bytes: the text that was accepted first goes first.
 */

/** A view that is smaller than its buffer by this factor is copied. */
const MAX_BALLAST = 2;
/** Names of dropped texts that may stay in the order, besides as many as there are texts. */
const SLACK = 64;

export class TextCache {
  readonly #maxBytes: number;
  readonly #texts = new Map<string, readonly Uint8Array[]>();
  /**
   * As they came, from `#first` on; with some that were dropped since. No iterator of the map: one
   * that stands still keeps every table that V8 has grown out of, and the texts in it.
   */
  #order: string[] = [];
  #first = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps `text`, whose bytes must not change from now on. */
  put(msgid: string, text: readonly Uint8Array[]): void {
    this.drop(msgid);
    this.#texts.set(msgid, text.map(withoutBallast));
    this.#order.push(msgid);
    if (this.#order.length > 2 * this.#texts.size + SLACK) this.#forgetDropped();
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
    const msgid = this.#order[this.#first++];
    if (msgid === undefined) throw new RangeError("Cannot drop: no text is left");
    this.drop(msgid);
  }

  /** Each text costs this a constant: between two times as many were put as there are. */
  #forgetDropped(): void {
    this.#order = [...this.#texts.keys()];
    this.#first = 0;
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
