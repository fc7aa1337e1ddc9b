/**
 * What a client is told of the answers of ruleset and queue, and what the log is told
 * besides. Words are OpenSMTPD's smtp_session.c; its 550 and 451 carry no enhanced code.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Reply } from "#protocols/smtp/reply.ts";
import {
  invalidRecipient,
  NO_ROOM,
  noExpansion,
  noExpansionNow,
  recipientLater,
  saidOfRecipient,
  TEMPORARY_FAILURE,
} from "#protocols/smtp/status.ts";
import type { Receipt } from "#model/intake.ts";
import type { Refusal } from "#model/resolution.ts";

/** Why `forwardPath` is not taken. The client is not told of rules, tables or files. */
export function recipientRefusal(forwardPath: string, refusal: Refusal): Reply {
  switch (refusal.kind) {
    case "rejected":
      return invalidRecipient(forwardPath);
    case "unavailable":
      return recipientLater(forwardPath);
    case "expansion":
      return noExpansion(forwardPath);
    case "expansion-later":
      return noExpansionNow(forwardPath);
    case "said":
      return saidOfRecipient(forwardPath, refusal.code, refusal.text);
    default:
      return unreachable(refusal);
  }
}

/** The same for the log, which is told of them: "" if the reply says it all. */
export function whyRefused(refusal: Refusal): string {
  if (refusal.kind === "said") return "";
  if (refusal.kind !== "rejected" || refusal.rule === "") return refusal.why;
  return `${refusal.rule}: ${refusal.why}`;
}

/** The reply to a message that the queue has answered for. */
export function receiptReply(receipt: Receipt, msgid: string): Reply {
  if (receipt.kind === "accepted")
    return { code: 250, enhanced: "2.0.0", text: `${msgid} Message accepted for delivery` };
  return receipt.why === "full" ? NO_ROOM : TEMPORARY_FAILURE;
}
