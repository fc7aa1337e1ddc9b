import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type Action,
  formatDeliveryStatus,
  type ReportedMessage,
  type ReportedRecipient,
} from "./delivery-status.ts";
import { whyDelayed, whyFailed } from "./plain-words.ts";
import { formatReport, type Report } from "./report.ts";
import type { Returned } from "./returned.ts";
import { TransferScan, transferClassOf } from "./transfer-class.ts";

// What whole reports look like is in test/cases/dsn.

const FAILED: ReportedRecipient = {
  recipient: "bob@example.org",
  orcpt: "",
  status: "5.1.1",
  diagnostic: "550 5.1.1 No such user",
  remote: "mx.example.org [192.0.2.1]",
  lastTryAtMs: 1_767_225_610_000,
  retryUntilMs: 0,
};

const MESSAGE: ReportedMessage = {
  serverName: "mail.example.com",
  action: "failed",
  form: "ascii",
  arrivedAtMs: 1_767_225_600_000,
  envelopeId: "",
  recipients: [FAILED],
};

const REPORT: Report = {
  ...MESSAGE,
  to: "alice@example.com",
  id: "00000001.1",
  boundary: "0123456789abcdef",
  writtenAtMs: 1_767_225_611_000,
  originalId: "",
  remarks: [],
  returned: headerOf("Subject: hello\r\nFrom: alice@example.com\r\n"),
};

function headerOf(header: string | Uint8Array, utf8 = false): Returned {
  return { kind: "header", header: Buffer.from(header), utf8, instead: "" };
}

function textOf(report: Report): string {
  const { before, after } = formatReport(report);
  return Buffer.concat([before, after]).toString("latin1");
}

const ACTIONS: readonly Action[] = ["failed", "delayed", "delivered", "relayed", "expanded"];

test("Whatever strangers write, a report is 7-bit CRLF lines of legal length with four boundary lines", () => {
  const words = fc.string({ unit: "binary", maxLength: 1200 });
  const hostile = fc.record({
    action: fc.constantFrom(...ACTIONS),
    diagnostic: fc.oneof(words, fc.constant("x\r\n--0123456789abcdef--\r\nSubject: forged")),
    remote: words,
    address: words,
    orcpt: words.map((each) => `utf-8;${each.slice(0, 500)}`),
    envelopeId: words.map((each) => each.slice(0, 100)),
    header: fc.uint8Array({ maxLength: 3000 }),
    utf8: fc.boolean(),
  });
  fc.assert(
    fc.property(hostile, ({ address: recipient, header, utf8, ...each }) => {
      const text = textOf({
        ...REPORT,
        ...each,
        to: recipient,
        recipients: [{ ...FAILED, ...each, recipient }],
        returned: headerOf(header, utf8),
      });
      assert.match(text, /^[\t\r\n\x20-\x7e]*$/);
      const lines = text.split("\r\n");
      for (const line of lines) {
        assert.doesNotMatch(line, /[\r\n]/);
        assert.ok(line.length <= 998, `line of ${line.length} characters`);
      }
      assert.equal(lines.filter((line) => line.startsWith("--0123456789abcdef")).length, 4);
      assert.equal(lines.filter((line) => line.startsWith("Subject: ")).length <= 2, true);
    }),
  );
});

test("A report in UTF-8 is UTF-8 without controls or marks of direction, in lines of legal length", () => {
  const words = fc.string({ unit: "binary", maxLength: 1200 });
  fc.assert(
    fc.property(words, words, words, (recipient, diagnostic, remote) => {
      const { before } = formatReport({
        ...REPORT,
        form: "utf8",
        to: recipient,
        recipients: [{ ...FAILED, recipient, diagnostic, remote }],
      });
      const text = new TextDecoder("utf-8", { fatal: true }).decode(before);
      assert.doesNotMatch(text.replaceAll(/\r\n|\t/g, ""), /[\p{C}\p{Zl}\p{Zp}]/u);
      assert.notEqual(transferClassOf(before), "binary");
    }),
  );
});

test("Headers with 8-bit bytes come back in quoted-printable, and decode to what they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (bytes) => {
      const header = new Uint8Array([0xff, ...bytes]);
      const text = textOf({ ...REPORT, returned: headerOf(header) });
      assert.ok(text.includes("Content-Transfer-Encoding: quoted-printable\r\n"), text);
      const from = text.lastIndexOf("quoted-printable\r\n\r\n") + "quoted-printable\r\n\r\n".length;
      const encoded = text.slice(from, text.lastIndexOf("\r\n--0123456789abcdef--"));
      const decoded = encoded
        .replaceAll("=\r\n", "")
        .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
      const wire = Buffer.from(header).toString("latin1");
      assert.equal(decoded, wire);
    }),
  );
});

const NAMES: readonly (readonly [changes: Partial<ReportedMessage>, line: string])[] = [
  [{ envelopeId: "QQ+3D314+2B" }, "Original-Envelope-Id: QQ=314+"],
  [{ envelopeId: "QQ+3D314+0D+0AX" }, "Original-Envelope-Id: QQ+3D314+0D+0AX"],
  [named("rfc822;Bob+2B1@example.org"), "Original-Recipient: rfc822; Bob+1@example.org"],
  [named("utf-8;b\\x{F8}b@example.org"), "Original-Recipient: utf-8; b\\x{F8}b@example.org"],
  [
    named("utf-8;bøb\\x{2B}1@example.org"),
    "Original-Recipient: utf-8; b\\x{F8}b\\x{2B}1@example.org",
  ],
  [
    { ...named("utf-8;b\\x{F8}b@example.org"), form: "utf8" },
    "Original-Recipient: utf-8; bøb@example.org",
  ],
  [
    { recipients: [{ ...FAILED, recipient: "bøb@example.org" }] },
    "Final-Recipient: utf-8; b\\x{F8}b@example.org",
  ],
  [
    { form: "utf8", recipients: [{ ...FAILED, recipient: "bøb\u202e@example.org" }] },
    "Final-Recipient: utf-8; bøb\\x{202E}@example.org",
  ],
  [
    { recipients: [{ ...FAILED, recipient: '"bo b"@example.org' }] },
    'Final-Recipient: rfc822; "bo b"@example.org',
  ],
  [
    { recipients: [{ ...FAILED, retryUntilMs: 1_767_225_610_000 }] },
    "Will-Retry-Until: Thu, 01 Jan 2026 00:00:10 +0000",
  ],
];

function named(orcpt: string): Partial<ReportedMessage> {
  return { recipients: [{ ...FAILED, orcpt }] };
}

for (const [changes, line] of NAMES) {
  test(`A report has ${line}`, () => {
    const lines = formatDeliveryStatus({ ...MESSAGE, ...changes }).split("\r\n");
    assert.ok(lines.includes(line), lines.join("\n"));
  });
}

function fieldsOf(diagnostic: string): string {
  return formatDeliveryStatus({ ...MESSAGE, recipients: [{ ...FAILED, diagnostic }] });
}

test("What a server said is told from what this server notes", () => {
  assert.match(fieldsOf("550 No"), /\r\nDiagnostic-Code: smtp; 550 No\r\n/);
  assert.match(fieldsOf("Timed out"), /\r\nDiagnostic-Code: x-postrider; Timed out\r\n/);
});

test("Members of a list that fail alike are told once, and many recipients are counted", () => {
  const alike = textOf({ ...REPORT, recipients: [FAILED, FAILED] });
  assert.equal(alike.split("\r\n  <bob@example.org>\r\n").length, 2);
  const recipients = Array.from({ length: 60 }, (_, at) => ({
    ...FAILED,
    recipient: `u${at}@x.example`,
  }));
  assert.match(textOf({ ...REPORT, recipients }), /\r\n {2}and 10 more, named in the report/);
});

test("Every code has words, and no code is a promise of what is not known", () => {
  for (const words of [whyFailed, whyDelayed]) {
    for (const status of ["5.0.0", "4.1.1", "5.9.99", "5.7.26", "5.10.1", ""]) {
      assert.match(words(status), /\.$/, status);
    }
  }
});

const CLASSES: readonly (readonly [text: string, transferClass: string])[] = [
  ["", "7bit"],
  ["a\r\nb\r\n", "7bit"],
  ["a\r\nb", "7bit"],
  ["caf\u00e9\r\n", "8bit"],
  ["a\nb\r\n", "binary"],
  ["a\rb\r\n", "binary"],
  ["a\r", "binary"],
  ["a\u0000\r\n", "binary"],
  [`${"x".repeat(998)}\r\n`, "7bit"],
  [`${"x".repeat(999)}\r\n`, "binary"],
];

for (const [text, transferClass] of CLASSES) {
  test(`${JSON.stringify(text.slice(0, 12))} is ${transferClass}, however it is split`, () => {
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at <= Math.min(bytes.length, 12); at++) {
      const scan = new TransferScan();
      scan.push(bytes.subarray(0, at));
      scan.push(bytes.subarray(at));
      assert.equal(scan.transferClass, transferClass);
    }
  });
}
