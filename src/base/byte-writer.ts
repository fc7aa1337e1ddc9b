/**
 * A growing byte array that codecs write to. Multi-byte numbers are big-endian.
 *
 * Large arrays can be borrowed instead of copied: then what was written is in pieces.
 */

/** An array that stands in what was written, at an offset of what was copied. */
interface Borrowed {
  readonly at: number;
  readonly bytes: Uint8Array;
}

const NOTHING_BORROWED: readonly Borrowed[] = [];
/** 53 bits, seven in a byte. */
const MAX_VARINT_BYTES = 8;
/** Longest text, in UTF-16 units, that is looked at one by one. */
const SHORT_TEXT = 100;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;
  readonly #borrowedFrom: number;
  #borrowed: readonly Borrowed[] = NOTHING_BORROWED;
  #borrowedBytes = 0;

  /** @param borrowedFrom arrays of so many bytes are not copied: they must stay as they are. */
  constructor(initialBytes = 256, borrowedFrom: number = Infinity) {
    this.#bytes = uncleared(initialBytes);
    this.#borrowedFrom = borrowedFrom;
  }

  /** Bytes written so far, without those that were borrowed. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the arrays that were borrowed. */
  get borrowedBytes(): number {
    return this.#borrowedBytes;
  }

  /** A view of what was written, where nothing is borrowed; valid until the next write. */
  written(): Uint8Array {
    return this.#view(0, this.#length);
  }

  /** All that was written, in order: views, valid until the next write, and what was borrowed. */
  pieces(): readonly Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#borrowed) {
      if (at > from) pieces.push(this.#view(from, at));
      pieces.push(bytes);
      from = at;
    }
    if (this.#length > from) pieces.push(this.#view(from, this.#length));
    return pieces;
  }

  /** Forgets what was written, to write anew in the same memory. */
  clear(): void {
    this.#length = 0;
    this.#borrowed = NOTHING_BORROWED;
    this.#borrowedBytes = 0;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
  }

  /** A whole number of up to 53 bits, as eight bytes. */
  u53(value: number): void {
    this.u32(Math.floor(value / 0x1_0000_0000));
    this.u32(value >>> 0); // the lower 32 bits; % would be a call of fmod(3)
  }

  /** Any number, as eight bytes. */
  f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
  }

  /** A whole number of up to 53 bits, seven of them in a byte, the lowest first: small ones are short. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Overwrites four bytes written earlier, at a `length` of then, to fill in a length. */
  setU32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length >= this.#borrowedFrom) {
      this.#borrowed = [...this.#borrowed, { at: this.#length, bytes }];
      this.#borrowedBytes += bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** `text` in UTF-8, without its length; returns how many bytes that took. */
  utf8(text: string): number {
    // UTF-8 needs at most three bytes for each UTF-16 unit.
    this.#reserve(text.length * 3);
    const written = this.#ascii(text) ? text.length : this.#bytes.write(text, this.#length, "utf8");
    this.#length += written;
    return written;
  }

  /** `text` in UTF-8 behind its length, which is a varint. */
  text(text: string): void {
    this.#reserve(1 + text.length);
    const at = this.#length++;
    // Its length is a byte then.
    if (this.#ascii(text)) {
      this.#bytes[at] = text.length;
      this.#length += text.length;
      return;
    }
    this.#length = at;
    this.varint(Buffer.byteLength(text));
    this.utf8(text);
  }

  /** Writes `text` if it is short and ASCII, as nearly all are: then no call into the engine is needed. */
  #ascii(text: string): boolean {
    if (text.length > SHORT_TEXT) return false;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) return false;
      this.#bytes[this.#length + at] = unit;
    }
    return true;
  }

  #view(from: number, to: number): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + from, to - from);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = uncleared(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Memory with whatever was in it: only bytes that were written are ever shown. */
function uncleared(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}
