/** Tells of an envelope whose last state cannot be read any more: the one before it stands. */
import type { Observe } from "#model/events.ts";
import type { Ledger } from "./ledger.ts";
import type { MessageStateParts } from "./message-states.ts";

export function lostState(observe: Observe, ledger: Ledger): MessageStateParts["lost"] {
  return (evpid, { sequence, at }) => {
    observe({
      kind: "spool-damage",
      file: ledger.segment(sequence)?.path ?? `segment ${sequence}`,
      offset: at,
      reason: `the last state of ${evpid} cannot be read: the one before it stands`,
    });
  };
}
