/**
 * Whether a client may go on with the certificate that it showed, where its listener
 * asks for one.
 *
 * Source: smtpd.conf(5) `verify`.
 */
import type { TlsPeer } from "#base/ports/tls.ts";
import type { ListenerTls } from "#model/config/config.ts";

/** Why it may not, for the log; undefined: it may. */
export function clientRefusal(tls: ListenerTls, peer: TlsPeer | undefined): string | undefined {
  if (tls.mode === "none" || !tls.verify) return undefined;
  if (peer === undefined) return "no client certificate";
  return peer.verified ? undefined : `client certificate not verified (${peer.why})`;
}
