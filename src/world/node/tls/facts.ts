/** What a handshake came to, from the library's words to the port's. */
import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import {
  type ChainCertificate,
  MAX_PEER_CHAIN,
  MAX_PEER_NAMES,
  TLS_VERSION_NAMES,
  type TlsFacts,
  type TlsFault,
  type TlsPeer,
} from "#base/ports/tls.ts";
import { alternativeNames } from "./certificates.ts";

/** RFC 9266 §2. */
const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_BYTES = 32;

/** What the two ends know each in its own way. */
export type OwnFacts = Pick<TlsFacts, "group" | "identity" | "peer">;

export function factsOf(socket: TLSSocket, own: OwnFacts): TlsFacts {
  const cipher = socket.getCipher().name;
  const version = TLS_VERSION_NAMES.find((name) => name === socket.getProtocol()) ?? "TLSv1.2";
  return {
    version,
    cipher,
    bits: cipherBits(cipher),
    serverName: typeof socket.servername === "string" ? socket.servername : undefined,
    resumed: socket.isSessionReused(),
    ...own,
    exporter() {
      if (version !== "TLSv1.3" || socket.destroyed) return undefined;
      return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
    },
  };
}

/** Only a client of this runtime is told. */
export function groupOf(socket: TLSSocket): string | undefined {
  const info: object | null = socket.getEphemeralKeyInfo();
  return info !== null && "name" in info && typeof info.name === "string" ? info.name : undefined;
}

/** `why`: what is wrong with the peer's certificate, if it has one; undefined: nothing. */
export function peerOf(socket: TLSSocket, why: () => string | undefined): TlsPeer | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return { ...describe(certificate, why()), chain: () => chainOf(socket) };
}

/** The peer's, as the library has put them in order. */
function chainOf(socket: TLSSocket): readonly ChainCertificate[] {
  if (socket.destroyed) return [];
  const certificates: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && certificates.length < MAX_PEER_CHAIN) {
    certificates.push(new X509Certificate(next.raw));
    // One that is its own issuer is the last.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chained(certificates);
}

/** @param certificates each with its issuer behind it. */
export function chained(certificates: readonly X509Certificate[]): readonly ChainCertificate[] {
  return certificates.map((each, at) => link(each, certificates[at + 1]));
}

function link(certificate: X509Certificate, next: X509Certificate | undefined): ChainCertificate {
  const { raw, publicKey, subjectAltName, validFromDate, validToDate, ca } = certificate;
  const nowMs = Date.now();
  return {
    certificate: raw,
    key: spki(publicKey),
    names: alternativeNames(subjectAltName, "DNS").slice(0, MAX_PEER_NAMES),
    isCurrent: validFromDate.getTime() <= nowMs && nowMs <= validToDate.getTime(),
    isAuthority: ca,
    isSignedByNext:
      next !== undefined && certificate.checkIssued(next) && certificate.verify(next.publicKey),
  };
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function describe(certificate: X509Certificate, why: string | undefined): Omit<TlsPeer, "chain"> {
  const { subjectAltName, publicKey, raw } = certificate;
  const names = [
    ...alternativeNames(subjectAltName, "DNS"),
    ...alternativeNames(subjectAltName, "email"),
  ];
  return {
    verified: why === undefined,
    why: why ?? "",
    fingerprint: sha256(raw),
    keyFingerprint: sha256(spki(publicKey)),
    names: names.slice(0, MAX_PEER_NAMES),
  };
}

function sha256(bytes: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bits of the key: the library's own number is not to be had. */
function cipherBits(cipher: string): number {
  if (/256|CHACHA20/u.test(cipher.replace(/SHA256|POLY1305/gu, ""))) return 256;
  if (/3DES|DES-CBC3/u.test(cipher)) return 112;
  return 128;
}

/** In the library's short words: its whole message has addresses of memory in it. */
export function handshakeFault(error: Error | undefined): TlsFault {
  if (error === undefined) return fault("closed", "connection closed in the handshake");
  const { reason, code, message } = error as Error & {
    readonly reason?: string;
    readonly code?: string;
  };
  if (code === "ECONNRESET" || code === "EPIPE") return fault("closed", message);
  return fault("handshake", reason ?? code ?? message);
}

export function fault(why: TlsFault["why"], message: string): TlsFault {
  return { kind: "tls-fault", why, message };
}
