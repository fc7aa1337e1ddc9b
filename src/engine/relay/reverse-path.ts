/**
 * Under which reverse-path a relay sends: `mail-from` of its action, and SRS for what was
 * forwarded, so that the next server finds a domain that allows ours to send.
 *
 * The null reverse-path stays what it is. SRS is for recipients that expansion has led
 * elsewhere, and takes the domain that they had at first: reports come back to it.
 *
 * Source: smtpd.conf(5) (mail-from, srs); OpenSMTPD mta.c (mta_handle_envelope).
 */
import { domainOf } from "#protocols/mail/address.ts";
import { encodeSrs } from "#protocols/mail/srs.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import type { Envelope, Message } from "#model/envelope.ts";

export interface ReversePathSetting {
  readonly action: Pick<RelayAction, "mailFrom" | "srs">;
  readonly srs: Config["srs"];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export function reversePathOf(
  { action, srs, nowMs }: ReversePathSetting,
  { reversePath }: Pick<Message, "reversePath">,
  { forwardPath, destination }: Pick<Envelope, "forwardPath" | "destination">,
): string {
  const { mailFrom } = action;
  if (reversePath === "") return "";
  const path = mailFrom === undefined ? reversePath : replaced(reversePath, mailFrom);
  const isForwarded = forwardPath.toLowerCase() !== destination.toLowerCase();
  if (!action.srs || srs === undefined || !isForwarded || path === "") return path;
  return encodeSrs(path, domainOf(forwardPath), { key: srs.key, nowMs });
}

/** `USER@DOMAIN`, `@DOMAIN`, `USER` or "", as the configuration has it. */
function replaced(path: string, mailFrom: string): string {
  const at = mailFrom.lastIndexOf("@");
  if (mailFrom === "" || at > 0) return mailFrom;
  const split = path.lastIndexOf("@");
  return at === 0 ? `${path.slice(0, split)}${mailFrom}` : `${mailFrom}${path.slice(split)}`;
}
