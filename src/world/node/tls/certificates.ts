/** What a certificate in PEM form is, for the choice between several and for complaints. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsIdentity } from "#base/ports/tls.ts";
import type { Candidate, CertificateKey, Curve } from "#policy/tls/choose-certificate.ts";

const KINDS: Readonly<Record<string, CertificateKey["kind"]>> = {
  rsa: "rsa",
  "rsa-pss": "rsa",
  ec: "ecdsa",
  ed25519: "eddsa",
  ed448: "eddsa",
};

/** Names of OpenSSL. */
const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/** @throws {Error} of the library, if there is no certificate in `pem`, or one of another kind. */
export function candidateOf(pem: string): Candidate {
  const certificate = new X509Certificate(pem);
  return { names: dnsNames(certificate), key: certificateKey(certificate.publicKey) };
}

/** Why a certificate and its key cannot be shown; undefined: they can. */
export function identityFault(identity: TlsIdentity): string | undefined {
  try {
    candidateOf(identity.certificate);
    return isKeyOf(identity) ? undefined : "the key is not that of the certificate";
  } catch (error) {
    return reasonOf(error);
  }
}

/** Why nobody is vouched for by the certificates in `pem`; undefined: somebody is. */
export function authorityFault(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).serialNumber === "" ? "there is no certificate" : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** The library's own short words; the rest of its message has addresses of memory in it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
}

/** @throws {Error} of the library, if the key cannot be read. */
export function isKeyOf({ certificate, key }: TlsIdentity): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

/** Names that it is for, in lower case: those of the extension, else the common name. */
function dnsNames({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const names = alternativeNames(subjectAltName, "DNS");
  // RFC 9525 §6.3 has no use for the common name; a choice needs some name.
  const common = /(?:^|\n)CN=([^\n]+)/u.exec(subject)?.[1];
  return names.length === 0 && common !== undefined ? [common.toLowerCase()] : names;
}

/** Of the one kind: `DNS` or `email`. Node puts what needs care in quotes; such a name is none. */
export function alternativeNames(
  text: string | undefined,
  kind: "DNS" | "email",
): readonly string[] {
  return (text ?? "")
    .split(", ")
    .filter((entry) => entry.startsWith(`${kind}:`) && !entry.includes('"'))
    .map((entry) => entry.slice(kind.length + 1).toLowerCase());
}

function certificateKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): CertificateKey {
  const kind = KINDS[asymmetricKeyType ?? ""];
  if (kind === undefined) throw new TypeError(`keys of type ${asymmetricKeyType} are not used`);
  if (kind !== "ecdsa") return { kind };
  return { kind, curve: CURVES[asymmetricKeyDetails?.namedCurve ?? ""] ?? "other" };
}
