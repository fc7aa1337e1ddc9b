/** What the log is told of a handshake with a server. Source: OpenSMTPD's log lines. */
import type { TlsFacts } from "#base/ports/tls.ts";
import type { Observe } from "#model/events.ts";
import type { PeerJudgement } from "#policy/transport/judge-peer.ts";
import { policyWord } from "#policy/transport/transport-policy.ts";
import type { ClientSecurity } from "./client-security.ts";

/** A connection under TLS, and who hears of it. */
interface Told {
  readonly observe: Observe;
  readonly session: string;
  readonly security: ClientSecurity | undefined;
}

export function tellTls(
  { observe, session, security }: Told,
  facts: TlsFacts,
  judgement: PeerJudgement,
): void {
  const { version, cipher, bits, resumed, peer } = facts;
  const serverName = facts.serverName ?? "";
  const policy = policyWord(security?.policy ?? { kind: "clear" });
  observe({ kind: "mta-tls", session, policy, version, cipher, bits, serverName, resumed });
  if (peer === undefined) return;
  const { fingerprint, keyFingerprint } = peer;
  const verified = judgement.kind === "proven";
  const why = judgement.kind === "refused" ? judgement.why : peer.why;
  observe({ kind: "mta-cert-check", session, verified, why, fingerprint, keyFingerprint });
}
