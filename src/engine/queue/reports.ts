/**
 * A report to a sender, once it is written: as the spool stores it, and what is done when
 * it is durable.
 */
import type { Action } from "#protocols/dsn/delivery-status.ts";
import type { Message } from "#model/envelope.ts";
import type { BounceDraft } from "#engine/bounce/bounce.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";
import { enrol, type QueueContext } from "./context.ts";

export type WrittenReport = Extract<BounceDraft, { readonly kind: "bounce" }>;

/** `text`: the report's own, all of it, or "blob" where it was written ahead. */
export function reportEntry(
  { message, envelopes }: WrittenReport,
  text: readonly Uint8Array[] | "blob",
): SpoolEntry {
  return { kind: "accepted", message, envelopes, text };
}

/** Puts a report that is durable into the queue, and says that it is there. */
export function enrolReport(
  context: QueueContext,
  { message, envelopes, text }: WrittenReport,
  about: { readonly message: Message; readonly action: Action },
): void {
  const { msgids, observe } = context;
  const { msgid } = message;
  msgids.settle(msgid);
  enrol(context, message, envelopes);
  observe({ kind: "queued", message, envelopes, pieces: [text.before] });
  observe({ kind: "bounce", message: about.message, msgid, action: about.action });
}
