/**
 * What a client is told of the answers of ruleset and queue. Words are
 * OpenSMTPD's smtp_session.c; OpenSMTPD's 550 and 451 carry no enhanced code.
 */
import type { Reply } from "#protocols/smtp/reply.ts";
import { NO_ROOM, TEMPORARY_FAILURE } from "#protocols/smtp/status.ts";
import type { Receipt } from "#model/intake.ts";
import type { Resolution } from "#model/resolution.ts";

/** Why `forwardPath` is not taken. */
export function recipientRefusal(
  forwardPath: string,
  kind: Exclude<Resolution["kind"], "accepted">,
): Reply {
  if (kind === "rejected")
    return { code: 550, enhanced: "5.1.1", text: `Invalid recipient: <${forwardPath}>` };
  return { code: 451, enhanced: "4.3.0", text: `Temporary failure: <${forwardPath}>` };
}

/** The reply to a message that the queue has answered for. */
export function receiptReply(receipt: Receipt, msgid: string): Reply {
  if (receipt.kind === "accepted")
    return { code: 250, enhanced: "2.0.0", text: `${msgid} Message accepted for delivery` };
  return receipt.why === "full" ? NO_ROOM : TEMPORARY_FAILURE;
}
