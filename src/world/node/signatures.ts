/** Signatures of certificates and responses, by OpenSSL. Source: RFC 4055, RFC 5758, RFC 8410. */
import { createPublicKey, verify } from "node:crypto";
import type { Signatures } from "#base/ports/signatures.ts";

interface Scheme {
  readonly key: string;
  /** Undefined where the key says it. */
  readonly hash: string | undefined;
}

/** SHA-1 is not among them. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  "1.2.840.113549.1.1.11": { key: "rsa", hash: "sha256" },
  "1.2.840.113549.1.1.12": { key: "rsa", hash: "sha384" },
  "1.2.840.113549.1.1.13": { key: "rsa", hash: "sha512" },
  "1.2.840.10045.4.3.2": { key: "ec", hash: "sha256" },
  "1.2.840.10045.4.3.3": { key: "ec", hash: "sha384" },
  "1.2.840.10045.4.3.4": { key: "ec", hash: "sha512" },
  "1.3.101.112": { key: "ed25519", hash: undefined },
  "1.3.101.113": { key: "ed448", hash: undefined },
};

export function nodeSignatures(): Signatures {
  return {
    isSigned({ signed, algorithm, signature }, publicKey) {
      const scheme = SCHEMES[algorithm];
      if (scheme === undefined) return false;
      try {
        const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
        return key.asymmetricKeyType === scheme.key && verify(scheme.hash, signed, key, signature);
      } catch {
        // A key or signature that is none.
        return false;
      }
    },
  };
}
