/**
 * What an order or a question names: everything, one message, one envelope, or so many of
 * what a filter means.
 */
import { unreachable } from "#base/unreachable.ts";
import { EVPID_DIGITS, MSGID_DIGITS, msgidOf } from "#model/ids.ts";
import type { Target } from "#model/ipc/control-link.ts";

const HEX = /^[0-9a-f]+$/;

/** The message or envelope that `target` is about, or within which it looks; undefined: all. */
export function idOf(target: Target): string | undefined {
  switch (target.kind) {
    case "all":
      return undefined;
    case "id":
      return target.id;
    case "matching":
      return target.within;
    default:
      return unreachable(target);
  }
}

/** No more envelopes than these are meant; Infinity if there is no such bound. */
export function mostOf(target: Target): number {
  return (target.kind === "matching" ? target.limit : undefined) ?? Infinity;
}

/** The msgid that an id of a message or an envelope has; undefined if it is neither. */
export function messageIdOf(id: string): string | undefined {
  if (id.length !== MSGID_DIGITS && id.length !== EVPID_DIGITS) return undefined;
  return HEX.test(id) ? msgidOf(id) : undefined;
}

/** Whether `id`, which has a msgid, is that of the envelope or of its message. */
export function isNamed(evpid: string, id: string): boolean {
  return id === evpid || id === msgidOf(evpid);
}
