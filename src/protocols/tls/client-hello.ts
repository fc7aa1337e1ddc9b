/**
 * A ClientHello, as far as the choice of a certificate needs it.
 *
 * Lengths that do not fit are a fault. What is not known is skipped, as RFC 8446 §4.1.2
 * has it for extensions, so a GREASE value (RFC 8701) is no surprise.
 *
 * Source: RFC 8446 §4.1.2, §4.2.1, §4.2.3, §4.2.7; RFC 5246 §7.4.1.2; RFC 6066 §3.
 */
import { isHostName } from "#protocols/mail/domain.ts";

export interface ClientHello {
  /** The name asked for, in lower case; undefined without one that is a host name. */
  readonly serverName: string | undefined;
  /** Code points, as the client prefers them; `0x0304` is TLSv1.3. */
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  /** Undefined: the client does not say (RFC 5246 §7.4.1.4.1). */
  readonly signatureSchemes: readonly number[] | undefined;
  /** Undefined: any will do (RFC 8422 §4). */
  readonly groups: readonly number[] | undefined;
}

const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const SUPPORTED_VERSIONS = 43;
const HOST_NAME = 0;
const RANDOM_BYTES = 32;
const MAX_SESSION_ID_BYTES = 32;

/** `body` is what follows type and length of the handshake message. Undefined: it is malformed. */
export function parseClientHello(body: Uint8Array): ClientHello | undefined {
  const reader = new Reader(body);
  const legacyVersion = reader.u16();
  reader.skip(RANDOM_BYTES);
  const sessionId = reader.vector(1);
  const cipherSuites = reader.vector(2).u16s();
  const compressions = reader.vector(1);
  if (reader.isShort || sessionId.length > MAX_SESSION_ID_BYTES) return undefined;
  if (cipherSuites === undefined || compressions.length === 0) return undefined;
  const hello = { serverName: undefined, versions: [legacyVersion], cipherSuites };
  const bare: ClientHello = { ...hello, signatureSchemes: undefined, groups: undefined };
  // RFC 5246 §7.4.1.2: extensions may be left out as a whole.
  if (reader.length === 0) return bare;
  const extensions = reader.vector(2);
  return reader.isShort || reader.length > 0 ? undefined : withExtensions(bare, extensions);
}

function withExtensions(bare: ClientHello, extensions: Reader): ClientHello | undefined {
  let hello = bare;
  while (extensions.length > 0) {
    const type = extensions.u16();
    const content = extensions.vector(2);
    if (extensions.isShort) return undefined;
    const part = extensionPart(type, content);
    if (part === undefined) return undefined;
    hello = { ...hello, ...part };
  }
  return hello;
}

/** What an extension tells; undefined if it is malformed. */
function extensionPart(type: number, content: Reader): Partial<ClientHello> | undefined {
  if (type === SERVER_NAME) return { serverName: hostNameIn(content) };
  if (type === SUPPORTED_VERSIONS) {
    const versions = content.vector(1).u16s();
    return versions === undefined ? undefined : { versions };
  }
  if (type === SIGNATURE_ALGORITHMS) {
    const signatureSchemes = content.vector(2).u16s();
    return signatureSchemes === undefined ? undefined : { signatureSchemes };
  }
  if (type === SUPPORTED_GROUPS) {
    const groups = content.vector(2).u16s();
    return groups === undefined ? undefined : { groups };
  }
  return {};
}

/** RFC 6066 §3: one name of each type. No path, file or table is ever made of what is no host name. */
function hostNameIn(content: Reader): string | undefined {
  const names = content.vector(2);
  while (names.length > 0 && !names.isShort) {
    const type = names.u8();
    const name = names.vector(2);
    if (names.isShort || type !== HOST_NAME) continue;
    const text = name.latin1();
    return isHostName(text) ? text.toLowerCase() : undefined;
  }
  return undefined;
}

/** Reads numbers and vectors. Beyond the end everything is 0 and empty, and `isShort`. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  isShort = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#number(1);
  }

  u16(): number {
    return this.#number(2);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  /** What a length of `lengthBytes` announces. */
  vector(lengthBytes: 1 | 2): Reader {
    const inner = new Reader(this.#take(this.#number(lengthBytes)));
    inner.isShort = this.isShort;
    return inner;
  }

  /** All that is left, two bytes each; undefined if that is nothing, or not even. */
  u16s(): readonly number[] | undefined {
    if (this.isShort || this.length === 0 || this.length % 2 !== 0) return undefined;
    return Array.from({ length: this.length / 2 }, () => this.u16());
  }

  latin1(): string {
    return Buffer.from(this.#take(this.length)).toString("latin1");
  }

  #number(bytes: 1 | 2): number {
    let value = 0;
    for (const byte of this.#take(bytes)) value = value * 256 + byte;
    return value;
  }

  #take(count: number): Uint8Array {
    if (count > this.length) {
      this.isShort = true;
      this.#at = this.#bytes.length;
      return new Uint8Array();
    }
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }
}
