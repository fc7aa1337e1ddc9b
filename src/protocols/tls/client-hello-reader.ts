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
const MESSAGE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES: number = 2 ** 14;
/** OpenSSL's is the same; with post-quantum key shares a usual one has 1.8 KiB. */
export const MAX_CLIENT_HELLO_BYTES: number = 16 * 1024;
/** With the headers of records: many small ones are no way around the bound. */
export const MAX_HELLO_INPUT_BYTES: number = 20 * 1024;

export type HelloReading =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  /** "no-tls": these bytes begin no TLS connection. */
  | { readonly kind: "fault"; readonly why: "no-tls" | "malformed" | "too-long" };

const MORE: HelloReading = { kind: "more" };

export class ClientHelloReader {
  #input: Buffer = Buffer.alloc(0);

  /** Every byte that was pushed. */
  get input(): Buffer {
    return this.#input;
  }

  /** Takes the next bytes. After anything but "more" it must not be called again. */
  push(bytes: Uint8Array): HelloReading {
    this.#input =
      this.#input.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : Buffer.concat([this.#input, bytes]);
    const { message, fault } = handshakeBytes(this.#input.subarray(0, MAX_HELLO_INPUT_BYTES));
    const reading = readMessage(message);
    if (reading.kind === "more" && fault !== undefined) return { kind: "fault", why: fault };
    const isEndless = reading.kind === "more" && this.#input.length >= MAX_HELLO_INPUT_BYTES;
    return isEndless ? { kind: "fault", why: "too-long" } : reading;
  }
}

interface HandshakeBytes {
  readonly message: Buffer;
  /** What is wrong behind them. */
  readonly fault: "no-tls" | "malformed" | undefined;
}

/**
 * The handshake bytes in the records that have begun. What is behind a whole message may be
 * no handshake: early data (RFC 8446 §2.3).
 */
function handshakeBytes(input: Buffer): HandshakeBytes {
  const fragments: Buffer[] = [];
  let fault: HandshakeBytes["fault"];
  let at = 0;
  while (at < input.length) {
    const type = input[at];
    const major = input[at + 1];
    // RFC 8446 §5.1: legacy_record_version is 0x0301 to 0x0303.
    if (type !== HANDSHAKE || (major !== undefined && major !== 3)) {
      fault = at === 0 ? "no-tls" : "malformed";
      break;
    }
    if (input.length - at < RECORD_HEADER_BYTES) break;
    const length = input.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES) {
      fault = "malformed";
      break;
    }
    const start = at + RECORD_HEADER_BYTES;
    at = start + length;
    fragments.push(input.subarray(start, Math.min(at, input.length)));
  }
  const [first] = fragments;
  const isWhole = first !== undefined && fragments.length === 1;
  return { message: isWhole ? first : Buffer.concat(fragments), fault };
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
