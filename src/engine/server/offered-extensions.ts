/**
 * The extensions that a session is offered, from its listener and how far it is trusted.
 *
 * Who may only hand over mail for us is not offered what is for submission: priorities
 * (RFC 6710 §4.1 leaves that to policy) and holding mail back (RFC 4865 §1).
 */
import { type Extensions, NO_EXTENSIONS } from "#protocols/smtp/extensions.ts";
import type { Listener } from "#model/config/listener.ts";
import { MAX_HOLD_MS } from "#model/envelope.ts";

/** What changes in the course of a session. */
export interface SessionStanding {
  /** A client of this machine, or one that has authenticated. */
  readonly isOurs: boolean;
  readonly isSecured: boolean;
  /** The peer may say XCLIENT and XFORWARD. */
  readonly speaksForOthers: boolean;
  readonly nowMs: number;
}

/** RFC 2852 §4: an attempt or two should fit. */
const DELIVER_BY_MIN_SECONDS = 60;

/** What every session is offered. */
const FOR_EVERYONE: Extensions = Object.freeze({
  ...NO_EXTENSIONS,
  dsn: true,
  smtpUtf8: true,
  chunking: true,
  binaryMime: true,
  limits: true,
  deliverByMinSeconds: DELIVER_BY_MIN_SECONDS,
});
/** Made once, as there are few: by whether DSN is off, the client is ours, and TLS is on. */
const OFFERS: readonly Extensions[] = Array.from({ length: 8 }, (_, bits) =>
  Object.freeze({
    ...FOR_EVERYONE,
    dsn: (bits & 4) === 0,
    mtPriority: (bits & 2) !== 0,
    requireTls: (bits & 1) !== 0,
  }),
);

export function offeredExtensions(
  { noDsn }: Pick<Listener, "noDsn">,
  { isOurs, isSecured, speaksForOthers, nowMs }: SessionStanding,
): Extensions {
  const bits = (noDsn ? 4 : 0) + (isOurs ? 2 : 0) + (isSecured ? 1 : 0);
  const offer = OFFERS[bits] ?? FOR_EVERYONE;
  if (!isOurs && !speaksForOthers) return offer;
  const futureRelease = isOurs
    ? { maxSeconds: MAX_HOLD_MS / 1000, untilMs: nowMs + MAX_HOLD_MS }
    : undefined;
  return { ...offer, futureRelease, xclient: speaksForOthers, xforward: speaksForOthers };
}
