/**
 * The message that carries a TLS report: multipart/report with the report as an attachment.
 *
 * Promises: 7-bit, lines of legal length that end in CRLF. It asks every server on its way to
 * deliver it although the policy that it tells of fails, and no program to answer it.
 *
 * Source: RFC 8460 §3 (a report arrives whatever TLS does), §5.3 (form); RFC 8689 §4
 * (TLS-Required); RFC 3834 §5 (Auto-Submitted).
 */
import { formatDate } from "#protocols/mail/date.ts";

export interface ReportMail {
  /** The name of this server. */
  readonly submitter: string;
  readonly from: string;
  readonly to: string;
  /** Whom the report is about. */
  readonly domain: string;
  readonly reportId: string;
  /** Unique; becomes the left part of the Message-ID. */
  readonly id: string;
  /** At least 64 random bits in letters and digits. */
  readonly boundary: string;
  readonly writtenAtMs: number;
  readonly fileName: string;
  /** The report, compressed. */
  readonly gzip: Uint8Array;
}

export const REPORT_TYPE = "application/tlsrpt+gzip";
/** RFC 2045 §6.8: characters of a line of base64. */
const BASE64_LINE = /.{1,76}/gu;

export function formatReportMail(mail: ReportMail): Uint8Array {
  const { submitter, domain, boundary, gzip, reportId } = mail;
  const lines = [
    `Date: ${formatDate(mail.writtenAtMs)}`,
    `From: <${mail.from}>`,
    `To: <${mail.to}>`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${submitter}`,
    ` Report-ID: <${reportId}>`,
    `Message-ID: <${mail.id}@${submitter}>`,
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    "TLS-Required: No",
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type="tlsrpt";',
    `\tboundary="${boundary}"`,
    "",
    "This is a report in MIME format.",
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "This is an aggregate TLS report (RFC 8460) about mail for",
    domain,
    "from",
    submitter,
    "",
    `--${boundary}`,
    `Content-Type: ${REPORT_TYPE}`,
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment;",
    `\tfilename="${mail.fileName}"`,
    "",
    ...(Buffer.from(gzip).toString("base64").match(BASE64_LINE) ?? []),
    "",
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}
