/**
 * Of a certificate what OCSP asks about: who issued it, its number, its key, where its
 * responder is, whether it must be stapled, and what checks a signature by its issuer.
 *
 * Node's own X509Certificate tells no name as it was signed, and no extension of ours.
 *
 * Source: RFC 5280 §4.1, §4.2.1.12 (uses of the key), §4.2.2.1 (where the responder is);
 * RFC 7633 (must-staple); RFC 6960 §4.2.2.2 (who may answer).
 */
import { DerReader, latin1, readDer, TAG } from "./der.ts";

const AUTHORITY_INFORMATION = "1.3.6.1.5.5.7.1.1";
const OCSP_METHOD = "1.3.6.1.5.5.7.48.1";
const TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** TLS extension 5, status_request, as an INTEGER. */
const STATUS_REQUEST = "05";
/** GeneralName: uniformResourceIdentifier. */
const URI_TAG = 0x86;
const EXTENSIONS_TAG = 0xa3;
const UNIQUE_ID_TAGS = [0x81, 0x82];
const MAX_URL_LENGTH = 1024;

/** Signed by somebody: a certificate, or a response. */
export interface SignedPart {
  readonly signed: Uint8Array;
  /** Dotted. */
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/** Byte arrays are views of what was read. */
export interface Certificate extends SignedPart {
  /** Hex. */
  readonly serial: string;
  /** Names in DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  /** The key alone: what hashes of keys are of. */
  readonly keyBits: Uint8Array;
  /** The first that speaks HTTP or HTTPS. */
  readonly responder: string | undefined;
  readonly mustStaple: boolean;
  readonly signsOcsp: boolean;
}

/** Undefined if it is none that we understand. */
export function parseCertificate(der: Uint8Array): Certificate | undefined {
  const certificate = readDer(der, readCertificate);
  return typeof certificate === "string" ? undefined : certificate;
}

function readCertificate(reader: DerReader): Certificate {
  const whole = reader.sequence();
  const { content, whole: signed } = whole.value(TAG.sequence);
  const algorithm = readAlgorithm(whole);
  const signature = whole.bitString();
  whole.expectEnd();
  return { ...readBody(new DerReader(content)), signed, algorithm, signature };
}

export function readAlgorithm(reader: DerReader): string {
  return reader.sequence().objectId();
}

function readBody(body: DerReader): Omit<Certificate, keyof SignedPart> {
  body.optional(0xa0);
  const serial = body.serial();
  body.sequence();
  const issuer = body.value(TAG.sequence).whole;
  const validity = body.sequence();
  const notBeforeMs = validity.timeMs();
  const notAfterMs = validity.timeMs();
  const subject = body.value(TAG.sequence).whole;
  const { content: key, whole: publicKey } = body.value(TAG.sequence);
  const keyBits = bitsOfKey(key);
  for (const tag of UNIQUE_ID_TAGS) body.optional(tag);
  const extensions = body.tag === EXTENSIONS_TAG ? body.inside(EXTENSIONS_TAG) : undefined;
  const known = extensions === undefined ? NO_EXTENSIONS : readExtensions(extensions.sequence());
  return { serial, issuer, subject, notBeforeMs, notAfterMs, publicKey, keyBits, ...known };
}

function bitsOfKey(content: Uint8Array): Uint8Array {
  const reader = new DerReader(content);
  reader.sequence();
  return reader.bitString();
}

type KnownExtensions = Pick<Certificate, "responder" | "mustStaple" | "signsOcsp">;

const NO_EXTENSIONS: KnownExtensions = {
  responder: undefined,
  mustStaple: false,
  signsOcsp: false,
};

function readExtensions(reader: DerReader): KnownExtensions {
  let known = NO_EXTENSIONS;
  while (!reader.isAtEnd) {
    const extension = reader.sequence();
    const id = extension.objectId();
    extension.optional(TAG.boolean);
    const value = extension.inside(TAG.octetString);
    if (id === AUTHORITY_INFORMATION) known = { ...known, responder: readResponder(value) };
    if (id === TLS_FEATURE) known = { ...known, mustStaple: hasStatusRequest(value.sequence()) };
    if (id === EXTENDED_KEY_USAGE) known = { ...known, signsOcsp: hasSigning(value.sequence()) };
  }
  return known;
}

function readResponder(value: DerReader): string | undefined {
  const entries = value.sequence();
  let responder: string | undefined;
  while (!entries.isAtEnd) {
    const entry = entries.sequence();
    const method = entry.objectId();
    const isUri = entry.tag === URI_TAG;
    const { content } = entry.any();
    if (method !== OCSP_METHOD || !isUri || content.length > MAX_URL_LENGTH) continue;
    const url = latin1(content);
    if (/^https?:\/\/[\x21-\x7e]+$/iu.test(url) && URL.canParse(url)) responder ??= url;
  }
  return responder;
}

function hasStatusRequest(features: DerReader): boolean {
  let found = false;
  while (!features.isAtEnd) found = features.serial() === STATUS_REQUEST || found;
  return found;
}

function hasSigning(uses: DerReader): boolean {
  let found = false;
  while (!uses.isAtEnd) found = uses.objectId() === OCSP_SIGNING || found;
  return found;
}
