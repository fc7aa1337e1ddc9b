/**
 * An OCSP response, as a value: what its bytes say, whoever signed them. Whether that is to
 * be believed is decided in policy/tls.
 *
 * Extensions are passed over: RFC 6960 has none that changes what a status means.
 *
 * Source: RFC 6960 §4.2.1.
 */
import type { CertId } from "./cert-id.ts";
import {
  type Certificate,
  parseCertificate,
  readAlgorithm,
  type SignedPart,
} from "./certificate.ts";
import { DerFault, DerReader, readDer, TAG } from "./der.ts";

/** Of a response with the responder's certificate; those of the Web have 2 KiB. */
export const MAX_OCSP_RESPONSE_BYTES: number = 16 * 1024;
const MAX_ANSWERS = 64;
const MAX_CERTIFICATES = 8;
const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";

/** RFC 6960 §4.2.1 OCSPResponseStatus. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "malformedRequest",
  2: "internalError",
  3: "tryLater",
  5: "sigRequired",
  6: "unauthorized",
};

export type CertStatus =
  | { readonly kind: "good" | "unknown" }
  | { readonly kind: "revoked"; readonly atMs: number };

export interface OcspAnswer {
  readonly id: CertId;
  readonly status: CertStatus;
  readonly thisUpdateMs: number;
  /** Undefined: newer information is there at any time. */
  readonly nextUpdateMs: number | undefined;
}

export type ResponderId =
  /** In DER. */
  | { readonly kind: "name"; readonly name: Uint8Array }
  /** SHA-1. */
  | { readonly kind: "key"; readonly hash: Uint8Array };

export interface OcspResponse extends SignedPart {
  readonly responder: ResponderId;
  readonly answers: readonly OcspAnswer[];
  /** Those that came along; one that we do not understand is left out. */
  readonly certificates: readonly Certificate[];
}

/** The string says why there is no answer in it. */
export function parseOcspResponse(bytes: Uint8Array): OcspResponse | string {
  if (bytes.length > MAX_OCSP_RESPONSE_BYTES) return "the response is too long";
  const response = readDer(bytes, readResponse);
  return typeof response === "string" ? `malformed response: ${response}` : response.outcome;
}

function readResponse(reader: DerReader): { readonly outcome: OcspResponse | string } {
  const response = reader.sequence();
  const [status = 0xff] = response.value(TAG.enumerated).content;
  if (status !== 0)
    return { outcome: `the responder says ${REFUSALS[status] ?? `status ${status}`}` };
  const held = response.inside(0xa0).sequence();
  if (held.objectId() !== BASIC_RESPONSE) throw new DerFault("of a type that is not known");
  const basic = held.inside(TAG.octetString).sequence();
  const { content, whole: signed } = basic.value(TAG.sequence);
  const algorithm = readAlgorithm(basic);
  const signature = basic.bitString();
  const certificates = basic.isAtEnd ? [] : readCertificates(basic.inside(0xa0).sequence());
  return {
    outcome: { ...readBody(new DerReader(content)), signed, algorithm, signature, certificates },
  };
}

function readBody(body: DerReader): Pick<OcspResponse, "responder" | "answers"> {
  body.optional(0xa0);
  const responder = readResponder(body);
  body.timeMs();
  const list = body.sequence();
  const answers: OcspAnswer[] = [];
  while (!list.isAtEnd) {
    if (answers.length === MAX_ANSWERS) throw new DerFault("too many answers");
    answers.push(readAnswer(list.sequence()));
  }
  return { responder, answers };
}

function readResponder(body: DerReader): ResponderId {
  if (body.tag === 0xa1) return { kind: "name", name: body.inside(0xa1).value(TAG.sequence).whole };
  return { kind: "key", hash: body.inside(0xa2).value(TAG.octetString).content };
}

function readAnswer(answer: DerReader): OcspAnswer {
  const id = readCertId(answer.sequence());
  const status = readStatus(answer);
  const thisUpdateMs = answer.timeMs();
  const nextUpdateMs = answer.tag === 0xa0 ? answer.inside(0xa0).timeMs() : undefined;
  return { id, status, thisUpdateMs, nextUpdateMs };
}

function readCertId(id: DerReader): CertId {
  return {
    algorithm: readAlgorithm(id),
    issuerNameHash: id.value(TAG.octetString).content,
    issuerKeyHash: id.value(TAG.octetString).content,
    serial: id.serial(),
  };
}

function readStatus(answer: DerReader): CertStatus {
  if (answer.tag === 0xa1) return { kind: "revoked", atMs: answer.inside(0xa1).timeMs() };
  if (answer.optional(0x80) !== undefined) return { kind: "good" };
  answer.value(0x82);
  return { kind: "unknown" };
}

function readCertificates(list: DerReader): readonly Certificate[] {
  const found: Certificate[] = [];
  for (let count = 0; !list.isAtEnd; count++) {
    if (count === MAX_CERTIFICATES) throw new DerFault("too many certificates");
    const certificate = parseCertificate(list.value(TAG.sequence).whole);
    if (certificate !== undefined) found.push(certificate);
  }
  return found;
}
