/** Responses of OCSP for tests, good and bad, and certificates that ask for them. */
import { createHash, sign } from "node:crypto";
import { encodeCertId, type Issued } from "#protocols/ocsp/cert-id.ts";
import { type Certificate, parseCertificate } from "#protocols/ocsp/certificate.ts";
import { encodeDer, TAG } from "#protocols/ocsp/der.ts";
import { pemCertificates } from "#protocols/ocsp/pem.ts";
import { type Certified, extension, sequence, tagged } from "./certificates.ts";

/** Extension: the responder of a certificate. */
export function responderAt(url: string): Buffer {
  const method = tagged(TAG.objectId, Buffer.from("2b06010505073001", "hex"));
  const place = tagged(0x86, Buffer.from(url));
  return extension("2b06010505070101", sequence(sequence(method, place)));
}

/** Extension: RFC 7633, status_request. */
export const MUST_STAPLE: Buffer = extension("2b06010505070118", Buffer.from("3003020105", "hex"));

/** Extension: its holder may answer for the issuer. */
export const MAY_ANSWER: Buffer = extension(
  "551d25",
  sequence(tagged(TAG.objectId, Buffer.from("2b06010505070309", "hex"))),
);

export function parsed({ certificate }: Pick<Certified, "certificate">): Certificate {
  const [der = new Uint8Array()] = pemCertificates(certificate);
  const found = parseCertificate(der);
  if (found === undefined) throw new TypeError("a certificate of the tests is not understood");
  return found;
}

export interface ResponseRequest extends Issued {
  /** Who signs; its certificate comes along with "delegate". */
  readonly signer: Certified;
  readonly as?: "issuer" | "delegate";
  readonly named?: "by name" | "by key";
  readonly status?: "good" | "revoked" | "unknown";
  readonly thisUpdateMs: number;
  readonly nextUpdateMs?: number | undefined;
}

export function ocspResponse(request: ResponseRequest): Uint8Array {
  const { signer, as = "issuer", thisUpdateMs, nextUpdateMs } = request;
  const by = parsed(signer);
  const responder =
    request.named === "by key"
      ? encodeDer(0xa2, encodeDer(TAG.octetString, sha1(by.keyBits)))
      : encodeDer(0xa1, by.subject);
  const answer = encodeDer(
    TAG.sequence,
    encodeCertId(request),
    statusOf(request),
    time(thisUpdateMs),
    ...(nextUpdateMs === undefined ? [] : [encodeDer(0xa0, time(nextUpdateMs))]),
  );
  const body = encodeDer(
    TAG.sequence,
    responder,
    time(thisUpdateMs),
    encodeDer(TAG.sequence, answer),
  );
  const [certificate = new Uint8Array()] = pemCertificates(signer.certificate);
  const basic = encodeDer(
    TAG.sequence,
    body,
    // ecdsa-with-SHA256, sha256WithRSAEncryption
    signer.privateKey.asymmetricKeyType === "ec"
      ? Buffer.from("300a06082a8648ce3d040302", "hex")
      : Buffer.from("300d06092a864886f70d01010b0500", "hex"),
    encodeDer(TAG.bitString, Uint8Array.of(0), sign("sha256", body, signer.privateKey)),
    ...(as === "delegate" ? [encodeDer(0xa0, encodeDer(TAG.sequence, certificate))] : []),
  );
  const type = encodeDer(TAG.objectId, Buffer.from("2b0601050507300101", "hex"));
  const held = encodeDer(TAG.sequence, type, encodeDer(TAG.octetString, basic));
  return encodeDer(TAG.sequence, refusalStatus(0), encodeDer(0xa0, held));
}

/** A response that says only that there is none: `tryLater` is 3. */
export function ocspRefusal(status: number): Uint8Array {
  return encodeDer(TAG.sequence, refusalStatus(status));
}

function refusalStatus(status: number): Uint8Array {
  return encodeDer(TAG.enumerated, Uint8Array.of(status));
}

function statusOf({ status = "good", thisUpdateMs }: ResponseRequest): Uint8Array {
  if (status === "revoked") return encodeDer(0xa1, time(thisUpdateMs));
  return encodeDer(status === "good" ? 0x80 : 0x82);
}

function time(atMs: number): Uint8Array {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/gu, "");
  return encodeDer(TAG.generalizedTime, Buffer.from(digits));
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}
