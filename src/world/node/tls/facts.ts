/** What a handshake came to, from the library's words to the port's. */
import { createHash, type X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import {
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
  return certificate === undefined ? undefined : describe(certificate, why());
}

function describe(certificate: X509Certificate, why: string | undefined): TlsPeer {
  const { subjectAltName, publicKey, raw } = certificate;
  const names = [
    ...alternativeNames(subjectAltName, "DNS"),
    ...alternativeNames(subjectAltName, "email"),
  ];
  return {
    verified: why === undefined,
    why: why ?? "",
    fingerprint: sha256(raw),
    keyFingerprint: sha256(publicKey.export({ type: "spki", format: "der" })),
    names: names.slice(0, MAX_PEER_NAMES),
  };
}

function sha256(bytes: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bits of the key: the library's own number is not to be had. */
export function cipherBits(cipher: string): number {
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
