/**
 * The handshake of a session, on STARTTLS or before the greeting.
 *
 * Nobody hears of the connection meanwhile; it comes back as another, or has ended.
 *
 * Source: RFC 3207 §4; smtpd.conf(5) `tls`, `smtps`, `verify`.
 */
import { clientRefusal } from "#policy/tls/client-certificate.ts";
import type { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import type { SessionFlow } from "./session-flow.ts";
import { tellTls } from "./session-tls.ts";

/** Secures the session, whose flow then waits to go on. False: it has ended, for the handshake or meanwhile. */
export async function secureSession(
  service: Service,
  client: ServedClient,
  flow: SessionFlow,
): Promise<boolean> {
  const { tls, listener, askTable, observe } = service;
  if (tls === undefined) throw new TypeError("Cannot secure a session: there is no TLS");
  flow.startWaiting();
  const secured = await tls.accept(flow.connection, client.patience.handshakeMs);
  if (secured.kind === "tls-fault") {
    const { why, message } = secured;
    flow.lose({
      reason: why === "closed" ? "disconnect" : `tls-accept-failed: ${message}`,
      limit: why === "timeout" ? "handshake-time" : undefined,
    });
    return false;
  }
  const { connection, facts } = secured;
  flow.moveTo(connection);
  client.secured(facts);
  client.identity.announce();
  tellTls(observe, client.identity.id, facts);
  flow.start();
  const refusal = await clientRefusal(listener.tls, facts.peer, askTable);
  if (refusal !== undefined) flow.breakOff(`tls-accept-failed: ${refusal}`);
  else if (flow.hasEnded) flow.connection.destroy();
  return !flow.hasEnded;
}
