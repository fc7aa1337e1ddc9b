/**
 * DER, as much of it as certificates and OCSP need: values one after the other, read in
 * the order that a grammar has, and written from the inside out.
 *
 * Strict: definite lengths in the shortest form, tags of one byte, nothing left over. The
 * reader does not recurse, so nothing that is read can make it deep; what it gives are
 * views of the input.
 *
 * Source: X.690 §8, §10 and §11.
 */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** A length of three bytes is 16 MiB: more than anything here may have. */
const MAX_LENGTH_BYTES = 3;

/** Thrown only while reading, caught only by `readDer`. */
export class DerFault extends Error {
  override readonly name = "DerFault";
}

/** What `read` makes of `bytes`, or, as a string, why they are not what it wants. */
export function readDer<Value>(
  bytes: Uint8Array,
  read: (reader: DerReader) => Value,
): Value | string {
  try {
    const reader = new DerReader(bytes);
    const value = read(reader);
    reader.expectEnd();
    return value;
  } catch (error) {
    if (error instanceof DerFault) return error.message;
    throw error;
  }
}

export interface DerValue {
  readonly content: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Tag of what comes next; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  value(tag: number): DerValue {
    if (this.tag !== tag) throw new DerFault(`expected tag ${hexOf(tag)}, got ${hexOf(this.tag)}`);
    return this.any();
  }

  any(): DerValue {
    const start = this.#at;
    this.#byte();
    const length = this.#length();
    const from = this.#at;
    if (length > this.#bytes.length - from)
      throw new DerFault("a value is longer than what holds it");
    this.#at = from + length;
    return {
      content: this.#bytes.subarray(from, this.#at),
      whole: this.#bytes.subarray(start, this.#at),
    };
  }

  optional(tag: number): DerValue | undefined {
    return this.tag === tag ? this.any() : undefined;
  }

  /** What is inside of the next value, which has that tag. */
  inside(tag: number): DerReader {
    return new DerReader(this.value(tag).content);
  }

  sequence(): DerReader {
    return this.inside(TAG.sequence);
  }

  /** In hex, two digits for each byte; not negative. */
  serial(): string {
    const { content } = this.value(TAG.integer);
    if (content.length === 0) throw new DerFault("a number without digits");
    return Buffer.from(content).toString("hex");
  }

  /** Dotted. */
  objectId(): string {
    return dotted(this.value(TAG.objectId).content);
  }

  /** Of whole octets, without the count of unused bits. */
  bitString(): Uint8Array {
    const { content } = this.value(TAG.bitString);
    if (content[0] !== 0) throw new DerFault("a string of bits that are no octets");
    return content.subarray(1);
  }

  /** Either kind of time, in UTC and to the second (RFC 5280 §4.1.2.5). */
  timeMs(): number {
    const isShort = this.tag === TAG.utcTime;
    const { content } = this.value(isShort ? TAG.utcTime : TAG.generalizedTime);
    const text = latin1(content);
    const year = isShort ? text.slice(0, 2) : text.slice(0, 4);
    const rest = text.slice(year.length);
    if (!/^\d+$/u.test(year) || !/^\d{10}Z$/u.test(rest)) throw new DerFault("malformed time");
    // RFC 5280 §4.1.2.5.1: two digits are of 1950 to 2049.
    const century = isShort ? (Number(year) < 50 ? "20" : "19") : "";
    const [month, day, hour, minute, second] = rest.match(/\d\d/gu) ?? [];
    const atMs = Date.parse(`${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    if (Number.isNaN(atMs)) throw new DerFault("malformed time");
    return atMs;
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new DerFault("something is left over");
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first - 0x80;
    if (count === 0 || count > MAX_LENGTH_BYTES) throw new DerFault("a length that is not used");
    let length = 0;
    for (let left = count; left > 0; left--) length = length * 256 + this.#byte();
    const shortest = count === 1 ? 0x80 : 256 ** (count - 1);
    if (length < shortest) throw new DerFault("a length that is not the shortest");
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerFault("it ends in the middle");
    this.#at += 1;
    return byte;
  }
}

export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size: number[] = [];
  if (length < 0x80) size.push(length);
  else {
    for (let left = length; left > 0; left = Math.floor(left / 256)) size.unshift(left % 256);
    size.unshift(0x80 + size.length);
  }
  return Buffer.concat([Uint8Array.of(tag, ...size), content]);
}

/** Octets as the characters of the same numbers. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function dotted(content: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (number > Number.MAX_SAFE_INTEGER / 128) throw new DerFault("a number too large");
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first] = numbers;
  if (first === undefined || (content.at(-1) ?? 0) >= 0x80) throw new DerFault("malformed OID");
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...numbers.slice(1)].join(".");
}

function hexOf(tag: number | undefined): string {
  return tag === undefined ? "nothing" : `0x${tag.toString(16).padStart(2, "0")}`;
}
