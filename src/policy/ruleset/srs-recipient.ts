/**
 * A report that comes back to a sender whom SRS has rewritten: the recipient is who the
 * address was made of, and the rules judge it as mail of this machine, as only this
 * machine can have signed the address.
 *
 * Mail with a sender is no report, and an address whose signature is wrong or too old is
 * what it looks like: the rules decide. (OpenSMTPD refuses it, also where it is the address
 * of another forwarder for which this machine is a backup.)
 *
 * Source: OpenSMTPD lka_session.c (lka_expand); smtpd.conf(5) `srs`.
 */
import { decodeSrs } from "#protocols/mail/srs.ts";
import type { Config } from "#model/config/config.ts";
import type { Tell } from "#model/reason.ts";
import type { RecipientQuery } from "#model/resolution.ts";

export function srsRecipient(
  query: RecipientQuery,
  { srs, nowMs }: { readonly srs: NonNullable<Config["srs"]>; readonly nowMs: number },
  tell: Tell | undefined,
): RecipientQuery {
  const { reversePath, forwardPath } = query;
  if (reversePath !== "") return query;
  const { key, backupKey, ttlMs } = srs;
  const keys = backupKey === undefined ? [key] : [key, backupKey];
  const decoded = decodeSrs(forwardPath, { keys, nowMs, ttlMs });
  if (decoded.kind === "plain") return query;
  if (decoded.kind === "refused") {
    tell?.({ kind: "srs", address: forwardPath, why: decoded.why });
    return query;
  }
  tell?.({ kind: "srs", address: decoded.address, why: "" });
  return { ...query, forwardPath: decoded.address, via: "internal" };
}
