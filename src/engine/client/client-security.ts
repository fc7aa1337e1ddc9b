/**
 * TLS of a client's connection: the handshake, and whether the server will do.
 *
 * Promises: never rejects. A server that is refused has had its connection closed.
 */
import { type Connection, DEAF } from "#base/ports/network.ts";
import type { TlsClient, TlsFacts } from "#base/ports/tls.ts";
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
  { tls, policy, serverName }: ClientSecurity,
  timeoutMs: number,
  told: ToldOfTls = () => undefined,
): Promise<SecuredClient> {
  const secured = await tls.connect(connection, serverName, timeoutMs);
  if (secured.kind === "tls-fault") return failed(`TLS handshake failed: ${secured.message}`);
  const judgement = judgePeer(policy, secured.facts.peer);
  told(secured.facts, judgement);
  if (judgement.kind !== "refused") {
    const isProven = judgement.kind === "proven";
    return { kind: "secured", connection: secured.connection, isProven };
  }
  secured.connection.start(DEAF);
  secured.connection.destroy();
  return failed(judgement.why);
}

function failed(message: string): SecuredClient {
  return { kind: "failed", fault: { kind: "tls", message } };
}
