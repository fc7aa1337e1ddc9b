/**
 * Certificates for tests, made when they run: no private key lies in the repository.
 *
 * As much of X.509 as TLS looks at: names, an issuer, whether it may sign, its key.
 * Source: RFC 5280 §4.1, written in DER (X.690).
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** `weak-rsa` has 512 bits, which nobody shall trust. */
export type KeyKind = "ecdsa" | "rsa" | "weak-rsa" | "ed25519";

export interface CertificateRequest {
  /** The common name. */
  readonly subject: string;
  readonly key?: KeyKind;
  readonly dns?: readonly string[];
  readonly mail?: readonly string[];
  /** Signs it; itself if left out. */
  readonly issuer?: Certified;
  readonly isAuthority?: boolean;
  /** From now; a year if left out, and negative for one that has expired. */
  readonly days?: number;
  /** From when on, counted from now; long ago if left out. */
  readonly beginsInDays?: number;
  /** Of the signature of an RSA key; SHA-256 if left out. */
  readonly hash?: "sha256" | "sha1";
  /** More extensions, in DER. */
  readonly extensions?: readonly Buffer[];
}

export interface Certified {
  readonly subject: string;
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  readonly privateKey: KeyObject;
}

const DAY_MS = 86_400_000;
let serial = 1;

export function certify(request: CertificateRequest): Certified {
  const { subject, issuer, days = 365, hash = "sha256" } = request;
  const { beginsInDays = -2 * Math.abs(days) } = request;
  const { privateKey, publicKey } = keyPair(request.key ?? "ecdsa");
  const signer = issuer?.privateKey ?? privateKey;
  const algorithm = signatureAlgorithm(signer, hash);
  const now = Date.now();
  const content = sequence(
    explicit(0, integer(2)),
    integer(++serial),
    algorithm,
    name(issuer?.subject ?? subject),
    sequence(utcTime(now + beginsInDays * DAY_MS), utcTime(now + days * DAY_MS)),
    name(subject),
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensionsOf(request))),
  );
  const digest = signer.asymmetricKeyType === "ed25519" ? null : hash;
  const signature = sign(digest, content, signer);
  return {
    subject,
    certificate: pem("CERTIFICATE", sequence(content, algorithm, bitString(signature))),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    privateKey,
  };
}

function extensionsOf(request: CertificateRequest): readonly Buffer[] {
  const { dns = [], mail = [], isAuthority = false, extensions = [] } = request;
  const names = [
    ...mail.map((address) => tagged(0x81, Buffer.from(address))),
    ...dns.map((host) => tagged(0x82, Buffer.from(host))),
  ];
  return [
    extension("551d13", sequence(...(isAuthority ? [tagged(0x01, Buffer.from([0xff]))] : []))),
    ...(names.length > 0 ? [extension("551d11", sequence(...names))] : []),
    ...extensions,
  ];
}

/** `oid` in hex, as DER has it behind its length. */
export function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectId(oid), tagged(0x04, value));
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

export function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function keyPair(kind: KeyKind): KeyPair {
  if (kind === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (kind === "weak-rsa") return generateKeyPairSync("rsa", { modulusLength: 512 });
  if (kind === "ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** RFC 5758 §3.2, RFC 4055 §5, RFC 8410 §3. */
function signatureAlgorithm({ asymmetricKeyType }: KeyObject, hash: "sha256" | "sha1"): Buffer {
  if (asymmetricKeyType === "ed25519") return sequence(objectId("2b6570"));
  if (asymmetricKeyType === "ec") return sequence(objectId("2a8648ce3d040302"));
  const oid = hash === "sha256" ? "2a864886f70d01010b" : "2a864886f70d010105";
  return sequence(objectId(oid), tagged(0x05, Buffer.alloc(0)));
}

function name(common: string): Buffer {
  const attribute = sequence(objectId("550403"), tagged(0x0c, Buffer.from(common)));
  return sequence(tagged(0x31, attribute));
}

function utcTime(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/gu, "");
  return tagged(0x17, Buffer.from(digits.slice(2)));
}

function integer(value: number): Buffer {
  const digits = value.toString(16).padStart(2, "0");
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return tagged(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function objectId(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.alloc(1), bytes]));
}

function explicit(tag: number, content: Buffer): Buffer {
  return tagged(0xa0 + tag, content);
}

function pem(what: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/gu) ?? [];
  return `-----BEGIN ${what}-----\n${lines.join("\n")}\n-----END ${what}-----\n`;
}
