/**
 * Reads what a ByteWriter wrote, from bytes that may be damaged or hostile: each
 * read past the end, each bad number and each text that is not UTF-8 throws a
 * DecodeError, which `decode` (codec.ts) turns into a value.
 *
 * They may lie in several chunks. What crosses from one to the next is put together,
 * but for what is asked for in pieces.
 */

/** Thrown only while decoding, caught only by `decode`. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const TOO_EARLY = "Ends too early";
/** Of nearly every reader: nothing is ever put behind bytes that lie in one chunk. */
const NO_CHUNKS: Uint8Array[] = [];

export class ByteReader {
  /** The chunk that is being read. */
  #bytes: Buffer;
  #at = 0;
  /** The chunks behind it. */
  readonly #later: Uint8Array[];
  #laterBytes = 0;

  /** All chunks are borrowed: what `raw` and `pieces` give are views of them. */
  constructor(bytes: Uint8Array, later: readonly Uint8Array[] = NO_CHUNKS) {
    this.#bytes = asBuffer(bytes);
    this.#later = later.length === 0 ? NO_CHUNKS : [...later];
    for (const chunk of later) this.#laterBytes += chunk.length;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at + this.#laterBytes;
  }

  u8(): number {
    const from = this.#take(1);
    return this.#bytes.readUInt8(from);
  }

  u16(): number {
    const from = this.#take(2);
    return this.#bytes.readUInt16BE(from);
  }

  u32(): number {
    const from = this.#take(4);
    return this.#bytes.readUInt32BE(from);
  }

  u53(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new DecodeError("Number beyond 53 bits");
    return high * 0x1_0000_0000 + this.u32();
  }

  f64(): number {
    const from = this.#take(8);
    return this.#bytes.readDoubleBE(from);
  }

  /** See `ByteWriter.varint`. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError("Number beyond 53 bits");
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  /** Goes to `offset` of the first chunk, which must be all there is. */
  seek(offset: number): void {
    if (offset > this.#bytes.length) throw new DecodeError(TOO_EARLY);
    this.#at = offset;
  }

  /** Passes over `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const from = this.#take(length);
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + from, length);
  }

  /** Views of the next `length` bytes, as they lie in the chunks. */
  pieces(length: number): readonly Uint8Array[] {
    if (length > this.remaining) throw new DecodeError(TOO_EARLY);
    const pieces: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      if (this.#at === this.#bytes.length) this.#nextChunk();
      const piece = this.raw(Math.min(left, this.#bytes.length - this.#at));
      if (piece.length > 0) pieces.push(piece);
      left -= piece.length;
    }
    return pieces;
  }

  utf8(length: number): string {
    const from = this.#take(length);
    const end = from + length;
    // Nearly all texts are ASCII: then a character is a byte and nothing needs decoding.
    if (this.#isAscii(from, end)) return this.#bytes.toString("latin1", from, end);
    try {
      return decoder.decode(this.#bytes.subarray(from, end));
    } catch (cause) {
      throw new DecodeError("Text that is not UTF-8", { cause });
    }
  }

  #isAscii(from: number, end: number): boolean {
    for (let at = from; at < end; at++) {
      if ((this.#bytes[at] ?? 0) > 0x7f) return false;
    }
    return true;
  }

  /**
   * Where in `#bytes` the next `length` bytes begin. It may put another array there: whoever
   * calls it reads `#bytes` only after it.
   */
  #take(length: number): number {
    if (length > this.#bytes.length - this.#at) this.#gather(length);
    const from = this.#at;
    this.#at = from + length;
    return from;
  }

  /** Has the next `length` bytes in one chunk. */
  #gather(length: number): void {
    if (length > this.remaining) throw new DecodeError(TOO_EARLY);
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      if (this.#at === this.#bytes.length) this.#nextChunk();
      if (parts.length === 0 && this.#bytes.length - this.#at >= length) return;
      const part = this.#bytes.subarray(this.#at, this.#at + missing);
      parts.push(part);
      this.#at += part.length;
      missing -= part.length;
    }
    const rest = this.#bytes.subarray(this.#at);
    this.#later.unshift(rest);
    this.#laterBytes += rest.length;
    this.#bytes = Buffer.concat(parts, length);
    this.#at = 0;
  }

  #nextChunk(): void {
    const chunk = this.#later.shift();
    if (chunk === undefined) throw new DecodeError(TOO_EARLY);
    this.#laterBytes -= chunk.length;
    this.#bytes = asBuffer(chunk);
    this.#at = 0;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
