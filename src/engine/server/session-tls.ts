/**
 * TLS of a session: what its listener has it do, and what is told of what it came to.
 *
 * Source: RFC 3207; smtpd.conf(5) `listen on`; OpenSMTPD's log lines.
 */
import type { TlsFacts } from "#base/ports/tls.ts";
import type { TlsRules } from "#protocols/smtp/service.ts";
import type { Listener } from "#model/config/listener.ts";
import type { OriginTls } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";

/** `facts`: of the TLS under way, if any. */
export function tlsRules({ tls }: Listener, facts: TlsFacts | undefined): TlsRules {
  if (facts !== undefined) return "secured";
  if (tls.mode === "none") return "none";
  // "smtps" has no session in the clear; were there one, no mail would be taken in it.
  return tls.mode === "starttls" ? "offered" : "required";
}

/** What the message keeps. */
export function originTls({ version, cipher, bits, peer }: TlsFacts): OriginTls {
  return {
    version,
    cipher,
    bits,
    verified: peer?.verified ?? false,
    fingerprints: peer === undefined ? [] : [peer.fingerprint, peer.keyFingerprint],
  };
}

/** Tells of the handshake, and of the client's certificate. */
export function tellTls(observe: Observe, session: string, facts: TlsFacts): void {
  const { version, cipher, bits, identity, resumed, peer } = facts;
  const serverName = facts.serverName ?? "";
  observe({ kind: "smtp-tls", session, version, cipher, bits, serverName, identity, resumed });
  if (peer === undefined) return;
  const { verified, why, fingerprint, keyFingerprint } = peer;
  observe({ kind: "smtp-cert-check", session, verified, why, fingerprint, keyFingerprint });
}
