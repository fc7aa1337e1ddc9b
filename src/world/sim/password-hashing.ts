/**
 * Hashes of passwords in the simulated world: quick, and good for nothing else. The hash
 * of crypt(3) is the setting with the password written over its end; `$y$` is a scheme
 * that it lacks. PBKDF2 is the real one, since SCRAM's arithmetic goes on from it.
 */
import { createHmac } from "node:crypto";
import { ABSENT, found } from "#base/lookup.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";

export class SimPasswordHashing implements PasswordHashing {
  /** What was done, in order: a check's cost. */
  readonly work: string[] = [];

  readonly crypt: PasswordHashing["crypt"] = async (password, setting) => {
    this.work.push(`crypt ${setting.slice(0, 12)}`);
    return setting.startsWith("$y$") ? ABSENT : found(simCrypt(setting, password));
  };

  readonly argon2id: PasswordHashing["argon2id"] = async () => {
    this.work.push("argon2id");
    return ABSENT;
  };

  readonly pbkdf2: PasswordHashing["pbkdf2"] = async (password, salt, iterations) => {
    this.work.push(`pbkdf2 ${iterations}`);
    return found<Uint8Array>(simPbkdf2(password, salt, iterations));
  };
}

/** A hash of `password` that a table may have. */
export function simHash(password: string): string {
  return simCrypt(`$6$saltsalt$${"x".repeat(86)}`, password);
}

function simCrypt(setting: string, password: string): string {
  return setting.slice(0, -password.length) + password;
}

/** RFC 8018 §5.2, one block. */
function simPbkdf2(password: string, salt: Uint8Array, iterations: number): Uint8Array {
  let block = createHmac("sha256", password)
    .update(Buffer.concat([salt, Buffer.from([0, 0, 0, 1])]))
    .digest();
  const result = Uint8Array.from(block);
  for (let round = 1; round < iterations; round++) {
    block = createHmac("sha256", password).update(block).digest();
    for (const [at, byte] of block.entries()) result[at] = (result[at] ?? 0) ^ byte;
  }
  return result;
}
