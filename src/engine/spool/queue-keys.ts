/**
 * The keys of `queue encryption`: the first one encrypts, all of them decrypt, so that a key
 * can be replaced while mail encrypted with the one before still waits.
 *
 * A key is 32 characters, as OpenSMTPD has it. It is never used itself: each segment
 * and each blob has a key of its own, derived from it and from 32 random bytes that stand in
 * the file (HKDF-SHA-256, RFC 5869). On the disk a key is named by its id, eight bytes
 * derived in the same way, which tell nothing of it.
 */
import { hkdfSync } from "node:crypto";
import type { Random } from "#base/ports/random.ts";
import { Cipher } from "./cipher.ts";

/** Hex digits of a key's id. */
export const KEY_ID_DIGITS = 16;
export const SALT_BYTES = 32;
const KEY_BYTES = 32;

/** What a file says of how it is encrypted: which key, and the random bytes of this file alone. */
export interface KeyUse {
  readonly keyId: string;
  readonly salt: Uint8Array;
}

interface QueueKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

export class Keyring {
  readonly #byId = new Map<string, QueueKey>();
  readonly #first: QueueKey | undefined;

  /** @param keys texts of the keys; of `undefined` in the first place nothing new is encrypted. */
  constructor(keys: readonly (string | undefined)[]) {
    for (const text of keys) {
      if (text === undefined) continue;
      const secret = new TextEncoder().encode(text);
      const id = derived(secret, new Uint8Array(0), "id", KEY_ID_DIGITS / 2).toString("hex");
      this.#byId.set(id, { id, secret });
      if (text === keys[0]) this.#first = this.#byId.get(id);
    }
  }

  /** Whether what is written from now on is encrypted. */
  get encrypts(): boolean {
    return this.#first !== undefined;
  }

  has(keyId: string): boolean {
    return this.#byId.has(keyId);
  }

  /** How a new file is encrypted; undefined if it is not. */
  newUse(random: Random): KeyUse | undefined {
    if (this.#first === undefined) return undefined;
    const salt = Buffer.alloc(SALT_BYTES);
    random.fill(salt);
    return { keyId: this.#first.id, salt };
  }

  /** The cipher of one file; undefined if its key is not here. `file` names it, so that no other can pose as it. */
  cipher(use: KeyUse, file: string): Cipher | undefined {
    const key = this.#byId.get(use.keyId);
    if (key === undefined) return undefined;
    return new Cipher(derived(key.secret, use.salt, `file ${file}`, KEY_BYTES));
  }
}

/** Without a key: what is encrypted cannot be read, and nothing new is. */
export const NO_KEYS: Keyring = new Keyring([]);

function derived(secret: Uint8Array, salt: Uint8Array, what: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, `postrider queue: ${what}`, bytes));
}
