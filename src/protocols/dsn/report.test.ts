import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatDeliveryStatus, type ReportedRecipient } from "./delivery-status.ts";
import { formatReport, type Report } from "./report.ts";

const FAILED: ReportedRecipient = {
  originalRecipient: "bob@example.org",
  orcpt: "",
  finalRecipient: "bob@example.org",
  action: "failed",
  status: "5.1.1",
  diagnostic: "550 5.1.1 No such user",
  remote: "mx.example.org [192.0.2.1]",
  lastTryAtMs: 1_767_225_610_000,
};

const REPORT: Report = {
  serverName: "mail.example.com",
  to: "alice@example.com",
  id: "00000001.1",
  boundary: "0123456789abcdef",
  writtenAtMs: 1_767_225_611_000,
  arrivedAtMs: 1_767_225_600_000,
  envelopeId: "",
  recipients: [FAILED],
  originalHeader: Buffer.from("Subject: hello\r\nFrom: alice@example.com\r\n"),
};

function textOf(report: Report): string {
  return Buffer.from(formatReport(report)).toString("latin1");
}

test("A report of a failure has the three parts of RFC 6522, for people and for programs", () => {
  assert.equal(
    textOf(REPORT),
    [
      "Date: Thu, 01 Jan 2026 00:00:11 +0000",
      "From: Mailer Daemon <MAILER-DAEMON@mail.example.com>",
      "To: <alice@example.com>",
      "Subject: Delivery status notification: failed",
      "Message-ID: <00000001.1@mail.example.com>",
      "Auto-Submitted: auto-replied",
      "MIME-Version: 1.0",
      "Content-Type: multipart/report; report-type=delivery-status;",
      '\tboundary="0123456789abcdef"',
      "",
      "This is a report in MIME format.",
      "",
      "--0123456789abcdef",
      "Content-Description: Notification",
      "Content-Type: text/plain; charset=us-ascii",
      "",
      "This is the mail server mail.example.com.",
      "",
      "Your message could not be delivered to the recipients below.",
      "This server has given up; nothing more is tried for them.",
      "",
      "<bob@example.org>: 5.1.1",
      "  mx.example.org [192.0.2.1] said:",
      "  > 550 5.1.1 No such user",
      "",
      "--0123456789abcdef",
      "Content-Description: Delivery Report",
      "Content-Type: message/delivery-status",
      "",
      "Reporting-MTA: dns; mail.example.com",
      "Arrival-Date: Thu, 01 Jan 2026 00:00:00 +0000",
      "",
      "Final-Recipient: rfc822; bob@example.org",
      "Action: failed",
      "Status: 5.1.1",
      "Remote-MTA: dns; mx.example.org [192.0.2.1]",
      "Diagnostic-Code: smtp; 550 5.1.1 No such user",
      "Last-Attempt-Date: Thu, 01 Jan 2026 00:00:10 +0000",
      "",
      "--0123456789abcdef",
      "Content-Description: Message headers",
      "Content-Type: text/rfc822-headers",
      "",
      "Subject: hello",
      "From: alice@example.com",
      "",
      "--0123456789abcdef--",
      "",
    ].join("\r\n"),
  );
});

test("Whatever strangers write, a report is 7-bit CRLF lines of legal length with four boundary lines", () => {
  const words = fc.string({ unit: "binary", maxLength: 1200 });
  const hostile = fc.record({
    diagnostic: fc.oneof(words, fc.constant("x\r\n--0123456789abcdef--\r\nSubject: forged")),
    remote: words,
    address: words.map((each) => each.slice(0, 400)),
    header: fc.uint8Array({ maxLength: 3000 }),
  });
  fc.assert(
    fc.property(hostile, (c) => {
      const text = textOf({
        ...REPORT,
        to: c.address,
        recipients: [
          { ...FAILED, diagnostic: c.diagnostic, remote: c.remote, originalRecipient: c.address },
        ],
        originalHeader: c.header,
      });
      assert.match(text, /^[\t\r\n\x20-\x7e]*$/);
      const lines = text.split("\r\n");
      for (const line of lines) {
        assert.doesNotMatch(line, /[\r\n]/);
        assert.ok(line.length <= 998, `line of ${line.length} characters`);
      }
      assert.equal(lines.filter((line) => line.startsWith("--0123456789abcdef")).length, 4);
      assert.equal(lines.filter((line) => line.startsWith("Subject: ")).length <= 1, true);
    }),
  );
});

test("Headers with 8-bit bytes come back in quoted-printable, and decode to what they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (bytes) => {
      const header = new Uint8Array([0xff, ...bytes]);
      const text = textOf({ ...REPORT, originalHeader: header });
      assert.ok(text.includes("Content-Transfer-Encoding: quoted-printable\r\n"), text);
      const from = text.lastIndexOf("quoted-printable\r\n\r\n") + "quoted-printable\r\n\r\n".length;
      const encoded = text.slice(from, text.lastIndexOf("\r\n--0123456789abcdef--"));
      const decoded = encoded
        .replaceAll("=\r\n", "")
        .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
      const wire = Buffer.from(header).toString("latin1");
      assert.equal(decoded, wire.endsWith("\r\n") ? wire : `${wire}\r\n`);
    }),
  );
});

test("report repeats what the sender called the message and the recipient", () => {
  const text = formatDeliveryStatus({
    serverName: "mx.example",
    arrivedAtMs: 0,
    envelopeId: "QQ+3D314+0D+0AX",
    recipients: [{ ...FAILED, orcpt: "rfc822;Bob+2B1@example.org" }],
  });
  assert.match(text, /^Original-Envelope-Id: QQ=314 {2}X\r\n/);
  assert.match(text, /\r\nOriginal-Recipient: rfc822; Bob\+1@example\.org\r\n/);
});
