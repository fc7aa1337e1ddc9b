/**
 * A delivery status notification: the message that tells a sender what became of
 * a message, as multipart/report.
 *
 * Promises: 7-bit lines that end in CRLF; nothing that a far side or the sender
 * wrote can begin a header or a part of it; the original's text is not returned.
 * OpenSMTPD writes multipart/mixed with no Auto-Submitted; we follow the RFCs.
 *
 * Source: RFC 3464, RFC 6522, RFC 3834 §3.1.7 (Auto-Submitted), RFC 5321 §6.1.
 */
import { formatDate } from "#protocols/mail/date.ts";
import {
  formatDeliveryStatus,
  type ReportedMessage,
  type ReportedRecipient,
} from "./delivery-status.ts";
import { printable, printableAddress } from "./printable.ts";
import { encodeQuotedPrintable, isPlain } from "./quoted-printable.ts";

/** Recipients that the text for people names; the rest is counted there and in full in the second part. */
const MAX_LISTED = 50;
/** Characters of a diagnostic in the text for people. */
const MAX_QUOTED_LENGTH = 500;
const TEXT_WIDTH = 72;

export interface Report extends ReportedMessage {
  /** The sender of the original. */
  readonly to: string;
  /** Unique; becomes the left part of the Message-ID. */
  readonly id: string;
  /** At least 64 random bits in letters and digits, so that no stranger can guess it. */
  readonly boundary: string;
  readonly writtenAtMs: number;
  /** The header of the original, or its beginning. */
  readonly originalHeader: Uint8Array;
}

/** The report as a message; the caller owns the array. */
export function formatReport(report: Report): Uint8Array {
  const { serverName, boundary } = report;
  const action = report.recipients[0]?.action ?? "failed";
  const lines = [
    `Date: ${formatDate(report.writtenAtMs)}`,
    `From: Mailer Daemon <MAILER-DAEMON@${serverName}>`,
    `To: <${printableAddress(report.to)}>`,
    `Subject: Delivery status notification: ${action}`,
    `Message-ID: <${report.id}@${serverName}>`,
    // RFC 3834 §5: no auto-responder may answer.
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; report-type=delivery-status;",
    `\tboundary="${boundary}"`,
    "",
    "This is a report in MIME format.",
    "",
    `--${boundary}`,
    "Content-Description: Notification",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    ...notification(report, action),
    "",
    `--${boundary}`,
    "Content-Description: Delivery Report",
    "Content-Type: message/delivery-status",
    "",
    formatDeliveryStatus(report),
    `--${boundary}`,
    ...originalPart(report.originalHeader),
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}

const OPENING: Readonly<Record<ReportedRecipient["action"], readonly string[]>> = {
  failed: [
    "Your message could not be delivered to the recipients below.",
    "This server has given up; nothing more is tried for them.",
  ],
  delayed: [
    "Your message could not be delivered yet to the recipients below.",
    "This server keeps trying; you do not have to send it again.",
  ],
  delivered: ["Your message was delivered to the recipients below."],
  relayed: [
    "Your message was handed to a server that does not report deliveries,",
    "for the recipients below.",
  ],
};

function notification(report: Report, action: ReportedRecipient["action"]): readonly string[] {
  const lines = [
    `This is the mail server ${printable(report.serverName, MAX_QUOTED_LENGTH)}.`,
    "",
    ...OPENING[action],
  ];
  for (const recipient of report.recipients.slice(0, MAX_LISTED)) {
    lines.push("", `<${printableAddress(recipient.originalRecipient)}>: ${recipient.status}`);
    const remote = printable(recipient.remote, MAX_QUOTED_LENGTH);
    if (remote !== "") lines.push(`  ${remote} said:`);
    lines.push(...quoted(printable(recipient.diagnostic, MAX_QUOTED_LENGTH)));
  }
  const unlisted = report.recipients.length - MAX_LISTED;
  if (unlisted > 0) lines.push("", `and ${unlisted} more, named in the report below.`);
  return lines;
}

/** Broken into short lines behind a mark, so that it is seen to be someone else's words. */
function quoted(words: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(" ")) {
    if (line.length > 0 && line.length + word.length >= TEXT_WIDTH) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines.map((each) => `  > ${each}`);
}

function originalPart(header: Uint8Array): readonly string[] {
  const plain = isPlain(header);
  const body = plain ? Buffer.from(header).toString("latin1") : encodeQuotedPrintable(header);
  return [
    "Content-Description: Message headers",
    "Content-Type: text/rfc822-headers",
    ...(plain ? [] : ["Content-Transfer-Encoding: quoted-printable"]),
    "",
    body.endsWith("\r\n") ? body.slice(0, -2) : body,
    "",
  ];
}
