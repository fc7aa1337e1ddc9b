/**
 * Whether a password is the one of a secret: the hash is made, beside the event loop, and
 * compared in constant time. Few are made at once, since each takes a core for itself; the
 * others wait in line, and when that is full, nobody can say.
 */
import { timingSafeEqual } from "node:crypto";
import type { Lookup } from "#base/lookup.ts";
import type { PasswordHashing } from "#base/ports/password-hashing.ts";
import { Semaphore } from "#base/semaphore.ts";
import { unreachable } from "#base/unreachable.ts";
import { prepared } from "#protocols/sasl/sasl-text.ts";
import { isScramPassword } from "#protocols/sasl/scram-verifier.ts";
import type { Secret } from "#model/secret.ts";

/** The daemon has other work for its cores. */
const MAX_CHECKS_AT_ONCE = 2;
/** At a hundred milliseconds each they are done before a client gives up. */
const MAX_WAITING_CHECKS = 200;

const FULL: Lookup<boolean> = {
  kind: "unavailable",
  cause: new Error("too many passwords wait to be checked"),
};

export class SecretCheck {
  readonly #hashing: PasswordHashing;
  readonly #line = new Semaphore(MAX_CHECKS_AT_ONCE, MAX_WAITING_CHECKS);

  constructor(hashing: PasswordHashing) {
    this.#hashing = hashing;
  }

  /** Absent: the hash is of a scheme that this system does not know. */
  async isPassword(secret: Secret, password: string): Promise<Lookup<boolean>> {
    if (this.#line.isFull) return FULL;
    return this.#line.run(() => this.#check(secret, password));
  }

  async #check(secret: Secret, password: string): Promise<Lookup<boolean>> {
    switch (secret.kind) {
      case "crypt": {
        const { hash } = secret;
        return compared(await this.#hashing.crypt(password, hash), (made) =>
          isEqual(Buffer.from(made), Buffer.from(hash)),
        );
      }
      case "argon2id": {
        const { salt, cost, hash } = secret;
        const made = await this.#hashing.argon2id(password, salt, cost, hash.length);
        return compared(made, (bytes) => isEqual(bytes, hash));
      }
      case "scram": {
        const { verifier } = secret;
        const text = prepared(password) ?? password;
        const made = await this.#hashing.pbkdf2(text, verifier.salt, verifier.iterations);
        return compared(made, (salted) => isScramPassword(verifier, salted));
      }
      case "certificate":
      case "unusable":
        return { kind: "found", value: false };
      default:
        return unreachable(secret);
    }
  }
}

function compared<Made>(made: Lookup<Made>, isIt: (made: Made) => boolean): Lookup<boolean> {
  return made.kind === "found" ? { kind: "found", value: isIt(made.value) } : made;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
