/** Bytes waiting in order, taken out in pieces of any size. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds `bytes`, which the queue then owns. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** Puts `bytes`, which the queue then owns, before all others. */
  putBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.unshift(bytes);
    this.#length += bytes.length;
  }

  /** The next bytes, at most `count`; the caller owns them. */
  take(count: number): Uint8Array {
    const first = this.#chunks[0];
    const wanted = Math.min(count, this.#length);
    if (first !== undefined && first.length > wanted) {
      this.#chunks[0] = first.subarray(wanted);
      this.#length -= wanted;
      return first.subarray(0, wanted);
    }
    const taken = new Uint8Array(wanted);
    let filled = 0;
    while (filled < wanted) {
      const next = this.#chunks.shift();
      if (next === undefined) break;
      const part = next.subarray(0, wanted - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length < next.length) this.#chunks.unshift(next.subarray(part.length));
    }
    this.#length -= filled;
    return taken;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }
}
