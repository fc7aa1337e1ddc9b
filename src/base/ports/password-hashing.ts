/** What makes hashes of passwords: slow on purpose, so it runs beside the event loop. */
import type { Lookup } from "#base/lookup.ts";

export interface Argon2Cost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** None of these rejects. */
export interface PasswordHashing {
  /**
   * crypt(3): the hash that `setting` (a hash, or the start of one) makes of `password`.
   * Absent: this system's crypt does not know the scheme, or `setting` is none.
   */
  crypt(password: string, setting: string): Promise<Lookup<string>>;
  /** RFC 9106, argon2id, version 0x13. */
  argon2id(
    password: string,
    salt: Uint8Array,
    cost: Argon2Cost,
    byteCount: number,
  ): Promise<Lookup<Uint8Array>>;
  /** RFC 8018, by HMAC-SHA-256: 32 bytes. */
  pbkdf2(password: string, salt: Uint8Array, iterations: number): Promise<Lookup<Uint8Array>>;
}
