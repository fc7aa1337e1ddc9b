/**
 * The part of a report that programs read: message/delivery-status.
 *
 * Source: RFC 3464 §2; RFC 3463 (status codes).
 */
import { formatDate } from "#protocols/mail/date.ts";
import { decodeXtext } from "#protocols/smtp/xtext.ts";
import { printable, typedAddress } from "./printable.ts";

/** Longest field body that is given back of what a far side said. */
const MAX_FIELD_LENGTH = 900;

/** One recipient that the report is about. */
export interface ReportedRecipient {
  /** As in RCPT TO. */
  readonly originalRecipient: string;
  /** ORCPT as the client gave it, type and xtext, or "". */
  readonly orcpt: string;
  /** After expansion: what was tried. */
  readonly finalRecipient: string;
  readonly action: "failed" | "delayed" | "delivered" | "relayed";
  /** RFC 3463: `5.1.1`. */
  readonly status: string;
  /** What was said of it; any text. */
  readonly diagnostic: string;
  /** Who said it; "" when it was this server. */
  readonly remote: string;
  /** 0 if it was never tried. */
  readonly lastTryAtMs: number;
}

/** What the report says of the message as a whole. */
export interface ReportedMessage {
  readonly serverName: string;
  readonly arrivedAtMs: number;
  /** ENVID in xtext, or "". */
  readonly envelopeId: string;
  /** All with the same `action`. */
  readonly recipients: readonly ReportedRecipient[];
}

/** The fields of the whole message, then a group for each recipient. Lines end in CRLF. */
export function formatDeliveryStatus({
  serverName,
  arrivedAtMs,
  envelopeId,
  recipients,
}: ReportedMessage): string {
  const lines = [
    // RFC 3464 §2.2.1: as the sender knows it.
    ...(envelopeId === "" ? [] : [`Original-Envelope-Id: ${decoded(envelopeId)}`]),
    `Reporting-MTA: dns; ${printable(serverName, MAX_FIELD_LENGTH)}`,
    `Arrival-Date: ${formatDate(arrivedAtMs)}`,
  ];
  for (const recipient of recipients) lines.push("", ...recipientFields(recipient));
  return `${lines.join("\r\n")}\r\n`;
}

function recipientFields(recipient: ReportedRecipient): readonly string[] {
  const { originalRecipient, finalRecipient, action, status, lastTryAtMs } = recipient;
  const fields = [
    // RFC 3464 §2.3.1: what the sender said itself.
    ...(recipient.orcpt === "" ? [] : [`Original-Recipient: ${orcptField(recipient.orcpt)}`]),
    // Both addresses of an aliased recipient would tell the sender where the alias leads.
    `Final-Recipient: ${typedAddress(originalRecipient === "" ? finalRecipient : originalRecipient)}`,
    `Action: ${action}`,
    `Status: ${status}`,
  ];
  const remote = printable(recipient.remote, MAX_FIELD_LENGTH);
  const diagnostic = printable(recipient.diagnostic, MAX_FIELD_LENGTH);
  if (remote !== "") fields.push(`Remote-MTA: dns; ${remote}`);
  // RFC 3464 §2.3.6: only what a mail system said is of type smtp.
  if (diagnostic !== "") {
    fields.push(`Diagnostic-Code: ${remote === "" ? "x-postrider" : "smtp"}; ${diagnostic}`);
  }
  if (lastTryAtMs > 0) fields.push(`Last-Attempt-Date: ${formatDate(lastTryAtMs)}`);
  return fields;
}

/** RFC 3461 §6.3: the type as written, the address decoded. */
function orcptField(orcpt: string): string {
  const semicolon = orcpt.indexOf(";");
  const type = printable(orcpt.slice(0, semicolon), MAX_FIELD_LENGTH);
  return `${type}; ${decoded(orcpt.slice(semicolon + 1))}`;
}

function decoded(xtext: string): string {
  return printable(decodeXtext(xtext) ?? xtext, MAX_FIELD_LENGTH);
}
