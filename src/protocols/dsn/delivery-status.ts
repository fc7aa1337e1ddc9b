/**
 * The part of a report that programs read: message/delivery-status, or
 * message/global-delivery-status where the way back takes UTF-8.
 *
 * Source: RFC 3464 §2; RFC 3461 §6.3; RFC 3463 (status codes); RFC 6533 §3, §4.
 */
import { formatDate } from "#protocols/mail/date.ts";
import { decodeUtf8Address, decodeXtext } from "#protocols/smtp/xtext.ts";
import { folded, type Form, printable, typedAddress, utf8Address } from "./printable.ts";

/** Longest field body that is given back of what a far side said. */
const MAX_FIELD_BYTES = 900;
/** Of an address: `rfc822` and `utf-8` are the ones that there are. */
const MAX_TYPE_BYTES = 50;

/** What became of the recipients: RFC 3464 §2.3.3. */
export type Action = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

/** One recipient that the report is about. */
export interface ReportedRecipient {
  /** As in RCPT TO. Where an alias led is for nobody to know (RFC 3461 §5.2.7.4). */
  readonly recipient: string;
  /** ORCPT as the client gave it, type and address, or "". */
  readonly orcpt: string;
  /** RFC 3463: `5.1.1`. */
  readonly status: string;
  /** What was said of it; any text. */
  readonly diagnostic: string;
  /** Who said it, `host [address]`; "" when it was this server. */
  readonly remote: string;
  /** 0 if it was never tried. */
  readonly lastTryAtMs: number;
  /** When this server gives up; 0 if nothing more is tried. */
  readonly retryUntilMs: number;
}

/** What the report says of the message as a whole. */
export interface ReportedMessage {
  readonly serverName: string;
  readonly action: Action;
  readonly form: Form;
  readonly arrivedAtMs: number;
  /** ENVID in xtext, or "". */
  readonly envelopeId: string;
  /** Not empty. */
  readonly recipients: readonly ReportedRecipient[];
}

/** The fields of the whole message, then a group for each recipient. Lines end in CRLF. */
export function formatDeliveryStatus(report: ReportedMessage): string {
  const { serverName, arrivedAtMs, envelopeId, form } = report;
  const lines = [
    // RFC 3464 §2.2.1: as the sender knows it.
    ...(envelopeId === "" ? [] : [`Original-Envelope-Id: ${decoded(envelopeId, form)}`]),
    `Reporting-MTA: dns; ${printable(serverName, MAX_FIELD_BYTES, form)}`,
    `Arrival-Date: ${formatDate(arrivedAtMs)}`,
  ];
  for (const recipient of report.recipients) lines.push("", ...recipientFields(report, recipient));
  return `${lines.join("\r\n")}\r\n`;
}

function recipientFields(
  { action, form }: ReportedMessage,
  reported: ReportedRecipient,
): readonly string[] {
  const { recipient, orcpt, status, lastTryAtMs, retryUntilMs } = reported;
  const fields = [
    // RFC 3464 §2.3.1: what the sender said itself.
    ...(orcpt === "" ? [] : [`Original-Recipient: ${orcptField(orcpt, form)}`]),
    `Final-Recipient: ${typedAddress(recipient, form)}`,
    `Action: ${action}`,
    `Status: ${status}`,
  ];
  // RFC 3464 §2.3.5: a name, without the address that follows it here.
  const remote = printable(/^\S*/.exec(reported.remote)?.[0] ?? "", MAX_FIELD_BYTES, form);
  const diagnostic = printable(reported.diagnostic, MAX_FIELD_BYTES, form);
  if (remote !== "") fields.push(`Remote-MTA: dns; ${remote}`);
  // RFC 3464 §2.3.6: only what a mail system said is of type smtp.
  if (diagnostic !== "") {
    const type = isReply(diagnostic) ? "smtp" : "x-postrider";
    fields.push(folded("Diagnostic-Code", `${type}; ${diagnostic}`));
  }
  if (lastTryAtMs > 0) fields.push(`Last-Attempt-Date: ${formatDate(lastTryAtMs)}`);
  if (retryUntilMs > 0) fields.push(`Will-Retry-Until: ${formatDate(retryUntilMs)}`);
  return fields;
}

/** Whether these are a server's own words, which begin with a code. */
export function isReply(diagnostic: string): boolean {
  return /^[2-5]\d\d(?: |$)/.test(diagnostic);
}

/** RFC 3461 §6.3: the type as written, the address decoded. */
function orcptField(orcpt: string, form: Form): string {
  const semicolon = orcpt.indexOf(";");
  const type = printable(orcpt.slice(0, semicolon), MAX_TYPE_BYTES, form);
  const address = orcpt.slice(semicolon + 1);
  // RFC 6533 §3: what is not ASCII stays encoded on a way back that takes nothing else.
  if (type.toLowerCase() === "utf-8") {
    return utf8Address(decodeUtf8Address(address) ?? address, form);
  }
  return `${type}; ${decoded(address, form)}`;
}

/** Undecoded where what comes out could not be written as it is. */
function decoded(xtext: string, form: Form): string {
  const text = decodeXtext(xtext);
  const isPrintable = text !== undefined && /^[ -~]*$/.test(text);
  return printable(isPrintable ? text : xtext, MAX_FIELD_BYTES, form);
}
