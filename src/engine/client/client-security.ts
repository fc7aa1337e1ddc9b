/**
 * TLS of a client's connection: the handshake, and whether the server will do.
 *
 * Promises: never rejects. A server that is refused has had its connection closed.
 */
import { type Connection, DEAF } from "#base/ports/network.ts";
import type { TlsClient, TlsFacts, TlsPeer } from "#base/ports/tls.ts";
import type { ClientFault } from "#protocols/smtp/client-session-verdict.ts";
import { judgePeer, type PeerJudgement } from "#policy/transport/judge-peer.ts";
import type { TransportPolicy } from "#policy/transport/transport-policy.ts";
import type { ToldOfTlsEnd } from "./tls-end.ts";

export interface ClientSecurity {
  /** "at-once": TLS from the first byte on (smtps). */
  readonly start: "starttls" | "at-once";
  /** Without TLS nothing is sent; else it is used where it is offered. */
  readonly isRequired: boolean;
  /** Not "clear": then there is no ClientSecurity. */
  readonly policy: TransportPolicy;
  readonly tls: TlsClient;
  /** The name that is asked for, and that the certificate must be for. */
  readonly serverName: string;
  /**
   * Which of the server's fingerprints are pinned, where they are asked for one by one; a string
   * says why nobody knows. Left out: the policy has them all.
   */
  readonly pinned?: ((peer: TlsPeer) => Promise<readonly string[] | string>) | undefined;
  /**
   * Sessions are taken up again among connections of the same word and server name, which must be
   * judged alike. Left out: each begins its own.
   */
  readonly resumeAs?: string | undefined;
  /**
   * Told how TLS went on a connection that is opened for this mail, though others share it.
   * Left out: nobody wants to know.
   */
  readonly toldOfEnd?: ToldOfTlsEnd | undefined;
}

/** Told of each handshake, before anything is sent under it. */
export type ToldOfTls = (facts: TlsFacts, judgement: PeerJudgement) => void;

export type SecuredClient =
  | { readonly kind: "secured"; readonly connection: Connection; readonly isProven: boolean }
  | { readonly kind: "failed"; readonly fault: ClientFault };

export async function secureClient(
  connection: Connection,
  security: ClientSecurity,
  timeoutMs: number,
  told: ToldOfTls = () => undefined,
): Promise<SecuredClient> {
  const { tls, serverName, resumeAs: shared } = security;
  const resumeAs = shared && `${shared}|${serverName}`;
  const secured = await tls.connect(connection, { serverName, timeoutMs, resumeAs });
  if (secured.kind === "tls-fault") {
    const kind = secured.why === "resumption" ? "resumption" : "tls";
    return failed(kind, `TLS handshake failed: ${secured.message}`);
  }
  const judgement = await judge(security, secured.facts.peer);
  told(secured.facts, judgement);
  if (judgement.kind !== "refused") {
    secured.approve();
    const isProven = judgement.kind === "proven";
    return { kind: "secured", connection: secured.connection, isProven };
  }
  secured.connection.start(DEAF);
  secured.connection.destroy();
  return failed("tls", judgement.why);
}

/** A session that is taken up again is judged as any: pins may have changed since. */
async function judge(
  { policy, pinned }: ClientSecurity,
  peer: TlsPeer | undefined,
): Promise<PeerJudgement> {
  if (pinned === undefined || peer === undefined) return judgePeer(policy, peer);
  const fingerprints = await pinned(peer);
  if (typeof fingerprints === "string") return { kind: "refused", why: fingerprints };
  return judgePeer({ kind: "required", proof: { kind: "fingerprints", fingerprints } }, peer);
}

function failed(kind: "tls" | "resumption", message: string): SecuredClient {
  return { kind: "failed", fault: { kind, message } };
}
