/**
 * A delivery status notification: the message that tells a sender what became of
 * a message, as multipart/report.
 *
 * Promises: lines end in CRLF; nothing that a far side or the sender wrote can begin a
 * header or a part of it; in form "ascii" all of it but a returned message is 7-bit.
 * OpenSMTPD writes multipart/mixed with no Auto-Submitted; we follow the RFCs. There is
 * no Precedence: it is no standard, and who heeds it heeds the null reverse-path as well.
 *
 * Source: RFC 3464, RFC 6522, RFC 6533, RFC 3834 §3.1 (Auto-Submitted, In-Reply-To),
 * RFC 5321 §6.1.
 */
import { formatDate } from "#protocols/mail/date.ts";
import { encodeQuotedPrintable } from "#protocols/mail/quoted-printable.ts";
import { formatDeliveryStatus, type ReportedMessage } from "./delivery-status.ts";
import { notificationLines } from "./notification.ts";
import { printableAddress } from "./printable.ts";
import { isPlain } from "./plain-lines.ts";
import { enclosedSentence, type Returned, returnedPart } from "./returned.ts";

export interface Report extends ReportedMessage {
  /** The sender of the original. */
  readonly to: string;
  /** Unique; becomes the left part of the Message-ID. */
  readonly id: string;
  /** At least 64 random bits in letters and digits, so that no stranger can guess it. */
  readonly boundary: string;
  readonly writtenAtMs: number;
  /** Message-ID of the original with its brackets, or "". */
  readonly originalId: string;
  /** Sentences for people, of printable characters, about the original. */
  readonly remarks: readonly string[];
  readonly returned: Returned;
}

/** What stands before and behind the original where it is returned whole; else `before` is all, and `after` its end. */
export interface ReportText {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** To be sent with BODY=8BITMIME. */
  readonly is8bit: boolean;
}

/** The report as a message; the caller owns the arrays. */
export function formatReport(report: Report): ReportText {
  const { serverName, boundary, form, returned, originalId } = report;
  const is8bit = form === "utf8" || (returned.kind === "message" && returned.is8bit);
  const global = form === "utf8" ? "global-" : "";
  const original = returnedPart(returned, form);
  const lines = [
    `Date: ${formatDate(report.writtenAtMs)}`,
    `From: Mailer Daemon <MAILER-DAEMON@${serverName}>`,
    `To: <${printableAddress(report.to, form)}>`,
    `Subject: Delivery status notification: ${report.action}`,
    `Message-ID: <${report.id}@${serverName}>`,
    ...(originalId === "" ? [] : [`In-Reply-To: ${originalId}`, `References: ${originalId}`]),
    // RFC 3834 §5: no auto-responder may answer.
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${global}delivery-status;`,
    `\tboundary="${boundary}"`,
    ...(is8bit ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    "This is a report in MIME format.",
    "",
    `--${boundary}`,
    "Content-Description: Notification",
    ...notificationPart(report),
    "",
    `--${boundary}`,
    "Content-Description: Delivery Report",
    `Content-Type: message/${global}delivery-status`,
    ...(form === "utf8" ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    formatDeliveryStatus(report),
    `--${boundary}`,
    ...original.header,
    "",
    "",
  ];
  return {
    before: Buffer.concat([Buffer.from(lines.join("\r\n")), original.body]),
    after: Buffer.from(`\r\n--${boundary}--\r\n`),
    is8bit,
  };
}

/** The header of the part and the part. */
function notificationPart(report: Report): readonly string[] {
  const lines = notificationLines(report, [...report.remarks, enclosedSentence(report.returned)]);
  const text = Buffer.from(lines.join("\r\n"));
  if (isPlain(text)) return ["Content-Type: text/plain; charset=us-ascii", "", ...lines];
  const header = "Content-Type: text/plain; charset=utf-8";
  if (report.form === "utf8") return [header, "Content-Transfer-Encoding: 8bit", "", ...lines];
  const encoded = encodeQuotedPrintable(text);
  return [header, "Content-Transfer-Encoding: quoted-printable", "", encoded];
}
