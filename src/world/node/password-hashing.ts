/** Hashes of passwords on a real machine: crypt(3), and what Node.js brings, all beside the event loop. */
import { argon2, type Argon2Parameters, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { found, type Lookup } from "#base/lookup.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import { crypt } from "./crypt.ts";

const PBKDF2_BYTES = 32;

const runPbkdf2 = promisify(pbkdf2);
const runArgon2 = promisify(argon2);

export function nodePasswordHashing(): PasswordHashing {
  return {
    crypt,
    argon2id(password, salt, { memoryKib, passes, lanes }, byteCount) {
      const parameters: Argon2Parameters = {
        message: password,
        nonce: salt,
        parallelism: lanes,
        tagLength: byteCount,
        memory: memoryKib,
        passes,
      };
      return answer(() => runArgon2("argon2id", parameters));
    },
    pbkdf2: (password, salt, iterations) =>
      answer(() => runPbkdf2(password, salt, iterations, PBKDF2_BYTES, "sha256")),
  };
}

/** Memory may be lacking, and parameters be none. */
async function answer(hash: () => Promise<Buffer>): Promise<Lookup<Uint8Array>> {
  try {
    return found<Uint8Array>(await hash());
  } catch (error) {
    return {
      kind: "unavailable",
      cause: error instanceof Error ? error : new Error(String(error)),
    };
  }
}
