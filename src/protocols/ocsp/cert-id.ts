/**
 * CertID: which certificate is meant, by hashes of its issuer's name and key and by its
 * number. Source: RFC 6960 §4.1.1.
 */
import { createHash } from "node:crypto";
import type { Certificate } from "./certificate.ts";
import { encodeDer, TAG } from "./der.ts";

/** Hashes that a responder may answer with. SHA-1 is a name here, nothing rests on it. */
const HASHES: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
/** RFC 5019 §2.1.1, and all that every responder knows. */
const SHA1_ALGORITHM: Uint8Array = Buffer.from("300906052b0e03021a0500", "hex");

export interface CertId {
  /** Of the hash, dotted. */
  readonly algorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Hex. */
  readonly serial: string;
}

/** A certificate and who issued it. */
export interface Issued {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
}

export function isAbout(id: CertId, { certificate, issuer }: Issued): boolean {
  const hash = HASHES[id.algorithm];
  return (
    hash !== undefined &&
    id.serial === certificate.serial &&
    isHashOf(id.issuerNameHash, issuer.subject, hash) &&
    isHashOf(id.issuerKeyHash, issuer.keyBits, hash)
  );
}

export function encodeCertId({ certificate, issuer }: Issued): Uint8Array {
  return encodeDer(
    TAG.sequence,
    SHA1_ALGORITHM,
    encodeDer(TAG.octetString, sha1(issuer.subject)),
    encodeDer(TAG.octetString, sha1(issuer.keyBits)),
    encodeDer(TAG.integer, Buffer.from(certificate.serial, "hex")),
  );
}

/** RFC 6960 §4.2.1: a responder is named by the SHA-1 of its key, too. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}

function isHashOf(hashed: Uint8Array, bytes: Uint8Array, hash: string): boolean {
  return createHash(hash).update(bytes).digest().equals(hashed);
}
