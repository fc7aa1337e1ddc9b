/**
 * The secret of a user, as a table of credentials has it, and what it is.
 *
 *     $2a$ $2b$ $2y$ $5$ $6$ $y$ …         crypt(3)
 *     $argon2id$v=19$m=…,t=…,p=…$SALT$HASH  RFC 9106
 *     SCRAM-SHA-256$…                        scram-verifier.ts; good for PLAIN and LOGIN too
 *     CERT-SHA256$HEX                        a client's certificate, or its public key: for EXTERNAL
 *
 * Anything else is refused, a password in the clear first of all. (OpenSMTPD gives
 * crypt(3) whatever stands there.)
 */
import type { Argon2Cost } from "#base/ports/password-hashing.ts";
import { decodeBase64 } from "#protocols/sasl/base64.ts";
import {
  parseScramVerifier,
  SCRAM_PREFIX,
  type ScramVerifier,
} from "#protocols/sasl/scram-verifier.ts";

export type Secret =
  | { readonly kind: "crypt"; readonly hash: string }
  | {
      readonly kind: "argon2id";
      readonly cost: Argon2Cost;
      readonly salt: Uint8Array;
      readonly hash: Uint8Array;
    }
  | { readonly kind: "scram"; readonly verifier: ScramVerifier }
  /** As TlsPeer writes fingerprints. */
  | { readonly kind: "certificate"; readonly fingerprint: string }
  /** `why` does not show it. */
  | { readonly kind: "unusable"; readonly why: string };

/** What one check may cost: a table's entry must not stop all other checks. */
const MAX_ARGON2_MEMORY_KIB: number = 1024 * 1024;
const MAX_ARGON2_PASSES = 64;
const MAX_ARGON2_LANES = 16;
const MIN_ARGON2_SALT_BYTES = 8;
const MIN_ARGON2_HASH_BYTES = 16;
const MAX_ARGON2_HASH_BYTES = 64;
const MAX_BCRYPT_COST = 15;
const MAX_SHA_ROUNDS = 10_000_000;

export function parseSecret(text: string): Secret {
  if (text.startsWith("$argon2id$")) return parseArgon2id(text);
  if (text.startsWith(SCRAM_PREFIX)) {
    const verifier = parseScramVerifier(text);
    return verifier ? { kind: "scram", verifier } : unusable("its SCRAM verifier is damaged");
  }
  if (text.startsWith("CERT-SHA256$")) {
    const [, hex] = /^CERT-SHA256\$([0-9a-f]{64})$/iu.exec(text) ?? [];
    if (hex === undefined) return unusable("its certificate is no SHA-256 in hex");
    return { kind: "certificate", fingerprint: `SHA256:${hex.toLowerCase()}` };
  }
  return parseCrypt(text);
}

/** Whether `text` is a password as it stands. */
export function isPlainText(text: string): boolean {
  return !/^(?:[$!*]|SCRAM-|CERT-)/u.test(text);
}

/** Whether a password can be checked against it. */
export function takesPassword({ kind }: Secret): boolean {
  return kind === "crypt" || kind === "argon2id" || kind === "scram";
}

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/u;
const SHA_CRYPT = /^\$[56]\$(?:rounds=(\d{1,9})\$)?[^$:]{1,16}\$[./A-Za-z0-9]{43,86}$/u;
const YESCRYPT = /^\$y\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}$/u;

function parseCrypt(text: string): Secret {
  if (Number(BCRYPT.exec(text)?.[1] ?? 0) > MAX_BCRYPT_COST)
    return unusable("its bcrypt hash costs too much");
  if (Number(SHA_CRYPT.exec(text)?.[1] ?? 0) > MAX_SHA_ROUNDS)
    return unusable("its hash has too many rounds");
  if ([BCRYPT, SHA_CRYPT, YESCRYPT].some((form) => form.test(text)))
    return { kind: "crypt", hash: text };
  if (/^[!*]/u.test(text)) return unusable("it is locked");
  return isPlainText(text)
    ? unusable("its password is not hashed (smtpctl encrypt makes a hash)")
    : unusable("its hash is damaged, or of a kind that is not taken");
}

const ARGON2ID =
  /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/u;

/** The PHC string format: base64 without padding. */
function parseArgon2id(text: string): Secret {
  const match = ARGON2ID.exec(text);
  const [memoryKib = 0, passes = 0, lanes = 0] = [1, 2, 3].map((at) => Number(match?.[at] ?? 0));
  const cost = { memoryKib, passes, lanes };
  const [salt, hash] = [4, 5].map((at) => unpadded(match?.[at] ?? ""));
  if (salt === undefined || hash === undefined || !isArgon2Cost(cost))
    return unusable("its argon2id hash is damaged");
  if (salt.length < MIN_ARGON2_SALT_BYTES || hash.length < MIN_ARGON2_HASH_BYTES)
    return unusable("its argon2id hash is damaged");
  if (isTooCostly(cost) || hash.length > MAX_ARGON2_HASH_BYTES)
    return unusable("its argon2id hash costs too much");
  return { kind: "argon2id", cost, salt, hash };
}

/** RFC 9106 §3.1: 8 KiB for each lane at least. */
function isArgon2Cost({ memoryKib, passes, lanes }: Argon2Cost): boolean {
  return lanes >= 1 && passes >= 1 && memoryKib >= 8 * lanes;
}

function isTooCostly({ memoryKib, passes, lanes }: Argon2Cost): boolean {
  return (
    memoryKib > MAX_ARGON2_MEMORY_KIB || passes > MAX_ARGON2_PASSES || lanes > MAX_ARGON2_LANES
  );
}

function unpadded(text: string): Uint8Array | undefined {
  return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
}

function unusable(why: string): Secret {
  return { kind: "unusable", why };
}
