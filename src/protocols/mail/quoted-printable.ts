/**
 * Quoted-printable: a body of lines that end in CRLF, in lines of at most 76 characters of
 * printable ASCII. Whatever no mail system must be shown (a bare CR, NUL, octets beyond ASCII)
 * becomes `=XX`.
 *
 * Source: RFC 2045 §6.7.
 */
import { CR, LF, SPACE, TAB } from "#base/ascii.ts";

/** RFC 2045 §6.7 (5): with the "=" of a soft line break. */
const MAX_LINE_LENGTH = 76;
const EQUALS = 0x3d;
const HEX = "0123456789ABCDEF";
/** An octet becomes three, and a soft line break comes after 72 of them or more. */
const MAX_GROWTH = 4;

/** The whole of a text. */
export function encodeQuotedPrintable(text: Uint8Array): string {
  const encoder = new QuotedPrintableEncoder();
  const encoded = Buffer.from(encoder.push(text)).toString("latin1");
  return encoded + Buffer.from(encoder.end()).toString("latin1");
}

export class QuotedPrintableEncoder {
  #lineLength = 0;
  /** A space, tab or CR, for which it matters what follows. */
  #held: number | undefined;
  #out: Buffer = Buffer.alloc(0);
  #length = 0;

  /** What the next octets become; a space, tab or CR at their end waits. The caller owns it. */
  push(input: Uint8Array): Uint8Array {
    this.#out = Buffer.allocUnsafe((input.length + 2) * MAX_GROWTH);
    this.#length = 0;
    for (const byte of input) this.#take(byte);
    return this.#out.subarray(0, this.#length);
  }

  /** What waited. */
  end(): Uint8Array {
    this.#out = Buffer.allocUnsafe(2 * MAX_GROWTH);
    this.#length = 0;
    // RFC 2045 §6.7 (3): neither space nor tab may end a line.
    if (this.#held !== undefined) this.#escape(this.#held);
    this.#held = undefined;
    return this.#out.subarray(0, this.#length);
  }

  #take(byte: number): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === CR && byte === LF) {
      this.#put(CR);
      this.#put(LF);
      this.#lineLength = 0;
      return;
    }
    if (held === CR || (held !== undefined && byte === CR)) this.#escape(held);
    else if (held !== undefined) this.#plain(held);
    if (byte === CR || byte === SPACE || byte === TAB) this.#held = byte;
    else if (byte > SPACE && byte < 0x7f && byte !== EQUALS) this.#plain(byte);
    else this.#escape(byte);
  }

  #plain(byte: number): void {
    this.#makeRoom(1);
    this.#put(byte);
  }

  #escape(byte: number): void {
    this.#makeRoom(3);
    this.#put(EQUALS);
    this.#put(HEX.charCodeAt(byte >> 4));
    this.#put(HEX.charCodeAt(byte & 0x0f));
  }

  #makeRoom(length: number): void {
    if (this.#lineLength + length >= MAX_LINE_LENGTH) {
      this.#put(EQUALS);
      this.#put(CR);
      this.#put(LF);
      this.#lineLength = 0;
    }
    this.#lineLength += length;
  }

  #put(byte: number): void {
    this.#out[this.#length++] = byte;
  }
}
