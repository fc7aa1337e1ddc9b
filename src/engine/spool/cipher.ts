/**
 * AES-256-GCM (NIST SP 800-38D) with the key of one file: a segment or a blob.
 *
 * GCM is broken by a nonce that is used twice with one key. Here none is: a key belongs to
 * one file, which one run writes, once (a start makes new files only), and a nonce is
 *
 *   0  number  of a record or chunk, counted by the only writer of the file. It is taken before
 *              the cipher runs and never given back: also what is written at the place of a
 *              write that did not fit has another number.
 *   8  offset  in that record, of the part that is encrypted
 *
 * What is authenticated but not secret (`bound`) says where the bytes lie and what
 * they are: moved elsewhere, they do not decrypt.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
/** What is encrypted is longer by this: what proves that it was not changed. */
export const TAG_BYTES = 16;

/** What tells one encrypted part of a file from every other one. */
export interface PartNumber {
  readonly number: number;
  readonly offset: number;
}

export class Cipher {
  readonly #key: Uint8Array;

  /** @param key 32 bytes that are used for one file alone. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Encrypts in place; the last TAG_BYTES of `bytes` are room for the tag. */
  encrypt(bytes: Uint8Array, part: PartNumber, bound: Uint8Array): void {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce(part));
    cipher.setAAD(bound);
    const end = bytes.length - TAG_BYTES;
    // GCM is a stream: as many bytes come out as went in.
    bytes.set(cipher.update(bytes.subarray(0, end)));
    cipher.final();
    bytes.set(cipher.getAuthTag(), end);
  }

  /** What was encrypted, in a new array; undefined if a bit of it, its number or `bound` is another. */
  decrypt(bytes: Uint8Array, part: PartNumber, bound: Uint8Array): Uint8Array | undefined {
    const end = bytes.length - TAG_BYTES;
    if (end < 0) return undefined;
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce(part), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(bound);
    decipher.setAuthTag(bytes.subarray(end));
    const plain = decipher.update(bytes.subarray(0, end));
    try {
      decipher.final();
      return plain;
    } catch {
      // Node's one way to say that the tag is not right; nothing else can fail here.
      return undefined;
    }
  }
}

function nonce({ number, offset }: PartNumber): Uint8Array {
  const bytes = new Uint8Array(NONCE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(number));
  view.setUint32(8, offset);
  return bytes;
}
