/**
 * The extensions that a session is offered, from its listener and how far it is trusted.
 *
 * Who may only hand over mail for us is not offered what is for submission: priorities
 * (RFC 6710 §4.1 leaves that to policy) and holding mail back (RFC 4865 §1).
 */
import { type Extensions, NO_EXTENSIONS } from "#protocols/smtp/extensions.ts";
import type { Listener } from "#model/config/config.ts";

/** What changes in the course of a session. */
export interface SessionStanding {
  /** A client of this machine, or one that has authenticated. */
  readonly isTrusted: boolean;
  readonly isSecured: boolean;
}

/** RFC 2852 §4: an attempt or two should fit. */
const DELIVER_BY_MIN_SECONDS = 60;

/** What every session is offered that is neither trusted nor secured. */
const FOR_EVERYONE: Extensions = Object.freeze({
  ...NO_EXTENSIONS,
  dsn: true,
  smtpUtf8: true,
  chunking: true,
  binaryMime: true,
  limits: true,
  deliverByMinSeconds: DELIVER_BY_MIN_SECONDS,
});
const WITHOUT_DSN: Extensions = Object.freeze({ ...FOR_EVERYONE, dsn: false });

export function offeredExtensions(
  { noDsn }: Pick<Listener, "noDsn">,
  { isTrusted, isSecured }: SessionStanding,
): Extensions {
  const base = noDsn ? WITHOUT_DSN : FOR_EVERYONE;
  if (!isTrusted && !isSecured) return base;
  return { ...base, requireTls: isSecured, mtPriority: isTrusted };
}
