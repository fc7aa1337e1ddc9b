/**
 * What a server keeps of a password for SCRAM-SHA-256: enough to check a proof, and to
 * check the password itself, but not to prove anything to another server. And the proof,
 * of who has the password.
 *
 *     SCRAM-SHA-256$ITERATIONS:SALT$STORED-KEY:SERVER-KEY
 *
 * in base64, the form that PostgreSQL and others keep.
 *
 * Source: RFC 5802 §3; RFC 7677 §3 (4096 iterations at least); RFC 5803.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { decodeBase64 } from "./base64.ts";

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export const SCRAM_PREFIX = "SCRAM-SHA-256$";
/** Octets of keys, proofs and signatures. */
export const SCRAM_KEY_BYTES = 32;
export const MIN_SCRAM_ITERATIONS = 4096;
/** A second of a client's time, and of ours for PLAIN. */
const MAX_SCRAM_ITERATIONS = 1_000_000;
const MAX_SALT_BYTES = 64;

/** Undefined if `text` is no verifier, or one that must not be used. */
export function parseScramVerifier(text: string): ScramVerifier | undefined {
  const match = /^SCRAM-SHA-256\$(\d{1,7}):([^$:]+)\$([^$:]+):([^$:]+)$/u.exec(text);
  const iterations = Number(match?.[1] ?? 0);
  const [salt, storedKey, serverKey] = [2, 3, 4].map((at) => decodeBase64(match?.[at] ?? ""));
  if (iterations < MIN_SCRAM_ITERATIONS || iterations > MAX_SCRAM_ITERATIONS) return undefined;
  if (salt === undefined || salt.length === 0 || salt.length > MAX_SALT_BYTES) return undefined;
  if (storedKey?.length !== SCRAM_KEY_BYTES || serverKey?.length !== SCRAM_KEY_BYTES)
    return undefined;
  return { iterations, salt, storedKey, serverKey };
}

export function formatScramVerifier(verifier: ScramVerifier): string {
  const { iterations, salt, storedKey, serverKey } = verifier;
  const [a, b, c] = [salt, storedKey, serverKey].map((each) =>
    Buffer.from(each).toString("base64"),
  );
  return `${SCRAM_PREFIX}${iterations}:${a}$${b}:${c}`;
}

/** @param saltedPassword PBKDF2 of the prepared password, by SHA-256 (RFC 5802 §2.2, Hi). */
export function scramVerifier(
  saltedPassword: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): ScramVerifier {
  const storedKey = sha256(hmac(saltedPassword, "Client Key"));
  return { iterations, salt, storedKey, serverKey: hmac(saltedPassword, "Server Key") };
}

/** ClientProof for the messages exchanged, and the ServerSignature that must answer it. */
export function proveByScram(
  saltedPassword: Uint8Array,
  authMessage: string,
): { readonly proof: Uint8Array; readonly signature: Uint8Array } {
  const clientKey = hmac(saltedPassword, "Client Key");
  const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
  return { proof, signature: hmac(hmac(saltedPassword, "Server Key"), authMessage) };
}

/** ServerSignature if `proof` is right for the messages exchanged, else undefined. */
export function checkScramProof(
  { storedKey, serverKey }: ScramVerifier,
  authMessage: string,
  proof: Uint8Array,
): Uint8Array | undefined {
  if (proof.length !== SCRAM_KEY_BYTES) return undefined;
  const clientKey = xor(proof, hmac(storedKey, authMessage));
  const itsStoredKey = sha256(clientKey);
  const serverSignature = hmac(serverKey, authMessage);
  return timingSafeEqual(itsStoredKey, storedKey) ? serverSignature : undefined;
}

/** Whether a password with this PBKDF2 is the one. */
export function isScramPassword(verifier: ScramVerifier, saltedPassword: Uint8Array): boolean {
  const { storedKey } = scramVerifier(saltedPassword, verifier.salt, verifier.iterations);
  return timingSafeEqual(storedKey, verifier.storedKey);
}

/** Of two that are equally long. */
function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ (other[at] ?? 0));
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
