/**
 * What a relay action asks for towards one of its servers.
 *
 * The stricter of the action and the host's scheme counts: `tls` makes STARTTLS of
 * `smtp://` a must, and `smtp+tls://` and `smtps://` are a must whatever the action says,
 * with a certificate for the host's name unless it says `no-verify`. `tls` with a host
 * that can never have it is a complaint when the file is read; of a table that is asked
 * it is found here.
 *
 * Source: smtpd.conf(5) (relay); OpenSMTPD mta.c (mta_relay1), mta_session.c.
 */
import type { RelayAction, RelayHostTls } from "#model/config/action.ts";
import type { PeerProof, TransportPolicy } from "./transport-policy.ts";

/** Undefined: the action requires what this host never has. `fingerprints`: those that are pinned. */
export function actionPolicy(
  { tls }: Pick<RelayAction, "tls">,
  hostTls: RelayHostTls,
  fingerprints: readonly string[] | undefined,
): TransportPolicy | undefined {
  if (hostTls === "never") return tls === "opportunistic" ? { kind: "clear" } : undefined;
  const isRequired = tls !== "opportunistic" || hostTls !== "opportunistic";
  if (!isRequired) return { kind: "opportunistic" };
  return { kind: "required", proof: proofOf(tls, fingerprints) };
}

function proofOf(tls: RelayAction["tls"], fingerprints: readonly string[] | undefined): PeerProof {
  if (fingerprints !== undefined) return { kind: "fingerprints", fingerprints };
  return { kind: tls === "unverified" ? "none" : "name" };
}
