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
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u53(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new DecodeError("Number beyond 53 bits");
    return high * 0x1_0000_0000 + this.u32();
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  utf8(length: number): string {
    const bytes = this.raw(length);
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new DecodeError("Text that is not UTF-8", { cause });
    }
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new DecodeError("Ends too early");
    this.#at = from + length;
    return from;
  }
}
