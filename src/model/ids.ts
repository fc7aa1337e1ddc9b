/**
 * Identifiers of messages, envelopes and sessions.
 *
 * msgid: 8 lower-case hex digits, never zero. evpid: 16 digits, its message's id
 * and 8 more, never zero. Session id: 16 digits. Source: smtpctl(8).
 */
import { hex32 } from "#base/hex.ts";
import type { Random } from "#base/ports/random.ts";

export const MSGID_DIGITS = 8;
export const EVPID_DIGITS = 16;
export const SESSION_ID_DIGITS = 16;

/** Eight hex digits that are not all zero. */
export function randomMsgid(random: Random): string {
  for (;;) {
    const value = random.uint32();
    if (value !== 0) return hex32(value);
  }
}

/** An envelope id of message `msgid`; the caller sees to it that ids within a message differ. */
export function randomEvpid(random: Random, msgid: string): string {
  return msgid + randomMsgid(random);
}

export function randomSessionId(random: Random): string {
  return hex32(random.uint32()) + hex32(random.uint32());
}

export function msgidOf(evpid: string): string {
  return evpid.slice(0, MSGID_DIGITS);
}
