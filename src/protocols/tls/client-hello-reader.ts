/**
 * Finds the ClientHello in the first bytes of a connection, however they are split, and
 * keeps them all: the TLS library is to read them again.
 *
 * Source: RFC 8446 §5.1 (records; a message may be fragmented over several, none of
 * them empty), §4 (handshake messages).
 */
import { type ClientHello, parseClientHello } from "./client-hello.ts";

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
/** Offset of the length in a record's header, behind type and version. */
const LENGTH_AT = 3;
const MESSAGE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES: number = 2 ** 14;
/** OpenSSL's is the same; with post-quantum key shares a usual one has 1.8 KiB. */
const MAX_CLIENT_HELLO_BYTES: number = 16 * 1024;
/** With the headers of records: many small ones are no way around the bound. */
export const MAX_HELLO_INPUT_BYTES: number = 20 * 1024;

export type HelloReading =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  /** "no-tls": these bytes begin no TLS connection. */
  | { readonly kind: "fault"; readonly why: "no-tls" | "malformed" | "too-long" };

const MORE: HelloReading = { kind: "more" };

export class ClientHelloReader {
  readonly #input = new Octets();
  /** Handshake octets of the records that have begun. */
  readonly #message = new Octets();
  /** Offset in the input of what was not looked at yet. */
  #at = 0;
  /** Octets of the record under way that are still to come. */
  #recordLeft = 0;

  /** Every byte that was pushed. */
  get input(): Buffer {
    return this.#input.bytes;
  }

  /** Takes the next bytes. After anything but "more" it must not be called again. Linear in all of them. */
  push(bytes: Uint8Array): HelloReading {
    this.#input.add(bytes);
    const fault = this.#readRecords(this.input.subarray(0, MAX_HELLO_INPUT_BYTES));
    const reading = readMessage(this.#message.bytes);
    // What is behind a whole message may be no handshake: early data (RFC 8446 §2.3).
    if (reading.kind !== "more") return reading;
    if (fault !== undefined) return { kind: "fault", why: fault };
    const isEndless = this.input.length >= MAX_HELLO_INPUT_BYTES;
    return isEndless ? { kind: "fault", why: "too-long" } : MORE;
  }

  /** Goes on from where it stopped; returns what is wrong there. */
  #readRecords(input: Buffer): "no-tls" | "malformed" | undefined {
    while (this.#at < input.length) {
      if (this.#recordLeft === 0) {
        const fault = headerFault(input, this.#at);
        if (fault !== undefined) return fault;
        if (input.length - this.#at < RECORD_HEADER_BYTES) return undefined;
        this.#recordLeft = input.readUInt16BE(this.#at + LENGTH_AT);
        this.#at += RECORD_HEADER_BYTES;
      }
      const end = Math.min(this.#at + this.#recordLeft, input.length);
      this.#message.add(input.subarray(this.#at, end));
      this.#recordLeft -= end - this.#at;
      this.#at = end;
    }
    return undefined;
  }
}

/** What is wrong with the header of a record at `at`, as far as it is there. */
function headerFault(input: Buffer, at: number): "no-tls" | "malformed" | undefined {
  const major = input[at + 1];
  // RFC 8446 §5.1: legacy_record_version is 0x0301 to 0x0303.
  if (input[at] !== HANDSHAKE || (major !== undefined && major !== 3))
    return at === 0 ? "no-tls" : "malformed";
  if (input.length - at < RECORD_HEADER_BYTES) return undefined;
  const length = input.readUInt16BE(at + LENGTH_AT);
  return length === 0 || length > MAX_RECORD_BYTES ? "malformed" : undefined;
}

/** Octets that come in pieces: a single one stays where it is, more are copied together. */
class Octets {
  #room: Buffer = Buffer.alloc(0);
  #length = 0;

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) {
      this.#room = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    } else {
      // The first piece is full, so that nothing is written to memory of others.
      if (length > this.#room.length) this.#grow(2 * length);
      this.#room.set(piece, this.#length);
    }
    this.#length = length;
  }

  #grow(capacity: number): void {
    const room = Buffer.allocUnsafe(capacity);
    room.set(this.bytes);
    this.#room = room;
  }
}

function readMessage(message: Buffer): HelloReading {
  if (message.length > 0 && message[0] !== CLIENT_HELLO) {
    return { kind: "fault", why: "malformed" };
  }
  if (message.length < MESSAGE_HEADER_BYTES) return MORE;
  const length = message.readUIntBE(1, 3);
  if (length > MAX_CLIENT_HELLO_BYTES) return { kind: "fault", why: "too-long" };
  const end = MESSAGE_HEADER_BYTES + length;
  if (message.length < end) return MORE;
  const hello = parseClientHello(message.subarray(MESSAGE_HEADER_BYTES, end));
  return hello === undefined ? { kind: "fault", why: "malformed" } : { kind: "hello", hello };
}
