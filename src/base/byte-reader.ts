/**
 * Reads what a ByteWriter wrote, from bytes that may be damaged or hostile: each
 * read past the end, each bad number and each text that is not UTF-8 throws a
 * DecodeError, which `decode` (codec.ts) turns into a value.
 */

/** Thrown only while decoding, caught only by `decode`. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const decoder = new TextDecoder("utf-8", { fatal: true });

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** `bytes` are borrowed: what `raw` gives are views of them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  u53(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new DecodeError("Number beyond 53 bits");
    return high * 0x1_0000_0000 + this.u32();
  }

  f64(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
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

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new DecodeError("Ends too early");
    this.#at = from + length;
    return from;
  }
}
