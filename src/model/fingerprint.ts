/**
 * Fingerprints of certificates and keys: SHA-256, as tables have them and as they are compared.
 *
 * `SHA256:` and hex, with or without colons between the bytes as openssl(1) prints them,
 * or base64 as ssh(1) does, with or without padding. Bare hex is taken too.
 */

const HEX = /^[0-9a-f]{64}$/u;
const PAIRS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/u;
const BASE64 = /^[A-Za-z0-9+/]{43}=?$/u;

/** `sha256:` and hex in lower case; undefined: it is no fingerprint. */
export function parseFingerprint(text: string): string | undefined {
  const isNamed = /^sha256:/iu.test(text);
  const digits = isNamed ? text.slice("sha256:".length) : text;
  const lower = digits.toLowerCase();
  if (HEX.test(lower)) return `sha256:${lower}`;
  if (PAIRS.test(lower)) return `sha256:${lower.replaceAll(":", "")}`;
  if (!isNamed || !BASE64.test(digits)) return undefined;
  const bytes = Buffer.from(digits, "base64");
  return bytes.length === 32 ? `sha256:${bytes.toString("hex")}` : undefined;
}

/** Several fingerprints of one peer as the one key that a table is asked for. */
export function fingerprintKey(fingerprints: readonly string[]): string | undefined {
  return fingerprints.length === 0 ? undefined : fingerprints.join(" ").toLowerCase();
}

export function fingerprintsOfKey(key: string): readonly string[] {
  return key.split(" ");
}
