/**
 * Whether a client may go on with the certificate that it showed, where its listener
 * asks for one: an authority must vouch for it, or the certificate, or its key, be one of
 * those that are known.
 *
 * Source: smtpd.conf(5) `verify`.
 */
import type { Lookup } from "#base/lookup.ts";
import type { TlsPeer } from "#base/ports/tls.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { ListenerTls } from "#model/config/listener.ts";
import { fingerprintKey } from "#model/fingerprint.ts";

/** Why it may not, for the log; undefined: it may. Never rejects. */
export function clientRefusal(
  tls: ListenerTls,
  peer: TlsPeer | undefined,
  ask: AskTable | undefined,
): string | undefined | Promise<string | undefined> {
  if (tls.mode === "none" || !tls.verify) return undefined;
  if (peer === undefined) return "no client certificate";
  if (tls.fingerprints === undefined)
    return peer.verified ? undefined : `client certificate not verified (${peer.why})`;
  const key = fingerprintKey([peer.fingerprint, peer.keyFingerprint]) ?? "";
  if (ask === undefined) throw new TypeError("Cannot compare fingerprints: nobody has the tables");
  const { name } = tls.fingerprints;
  const answer = ask(tls.fingerprints, "fingerprint", key);
  if (answer instanceof Promise) return answer.then((late) => refusalOf(late, name));
  return refusalOf(answer, name);
}

function refusalOf({ kind }: Lookup<string>, table: string): string | undefined {
  if (kind === "found") return undefined;
  return kind === "absent"
    ? `client certificate not in table ${table}`
    : `cannot look for the client certificate in table ${table}`;
}
