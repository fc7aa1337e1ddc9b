import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { simpleParser } from "mailparser";
import { formatReportMail } from "./report-mail.ts";
import { formatTlsReport, reportFileName, type TlsReport } from "./tls-report.ts";
import { formatEndpointUri, MAX_REPORT_ENDPOINTS, parseTlsrptRecord } from "./tlsrpt-record.ts";

const V = "v=TLSRPTv1;";
const RECORDS: readonly (readonly [what: string, texts: readonly string[], uris: string])[] = [
  ["of mail", [`${V} rua=mailto:tls@far.example`], "mailto:tls@far.example"],
  ["of the web", [`${V}rua=https://R.far.example/v1/t?x=1;`], "https://r.far.example/v1/t?x=1"],
  ["without a path", [`${V} rua=https://r.far.example`], "https://r.far.example/"],
  ["with the port of https", [`${V} rua=https://r.far.example:443/a`], "https://r.far.example/a"],
  [
    "of both",
    [`${V} rua=mailto:a@b.example , https://c.example/`],
    "mailto:a@b.example https://c.example/",
  ],
  ["with an escape", [`${V} rua=mailto:a%2Cb@c.example`], ""],
  ["with a needless escape", [`${V} rua=mailto:%61@c.example`], "mailto:a@c.example"],
  ["with a subject", [`${V} rua=mailto:a@c.example?subject=x`], "mailto:a@c.example"],
  [
    "with fields that nobody knows",
    [`${V} x=y; rua=mailto:a@c.example; z=1`],
    "mailto:a@c.example",
  ],
  ["beside others", ["v=spf1 -all", `${V} rua=mailto:a@c.example`], "mailto:a@c.example"],
  [
    "with one endpoint of use",
    [`${V} rua=ftp://x.example,mailto:a@c.example`],
    "mailto:a@c.example",
  ],
  [
    "that names one endpoint again and again",
    [`${V} rua=mailto:a@c.example,mailto:%61@C.example, mailto:a@c.example?x=1,https://C.example`],
    "mailto:a@c.example https://c.example/",
  ],
  ["twice", [`${V} rua=mailto:a@c.example`, `${V} rua=mailto:b@c.example`], ""],
  ["of another version", ["v=TLSRPTv2; rua=mailto:a@c.example"], ""],
  ["without a semicolon", ["v=TLSRPTv1 rua=mailto:a@c.example"], ""],
  ["with rubbish between", [`${V} rubbish; rua=mailto:a@c.example`], ""],
  ["without endpoints", [V], ""],
  ["with a line end in an address", [`${V} rua=mailto:a%0d%0aBcc:x@c.example`], ""],
  ["with a mailbox that has no domain", [`${V} rua=mailto:root`], ""],
  ["with a mailbox at an address literal", [`${V} rua=mailto:a@[192.0.2.1]`], ""],
  ["of the web in the clear", [`${V} rua=http://r.far.example/`], ""],
  ["with another port", [`${V} rua=https://r.far.example:8443/`], ""],
  ["with an address instead of a name", [`${V} rua=https://127.0.0.1/`], ""],
  ["with an address as one number", [`${V} rua=https://2130706433/`], ""],
  ["with a name without a dot", [`${V} rua=https://localhost/`], ""],
  ["with a user in it", [`${V} rua=https://a@b.example/`], ""],
  ["that is too long", [`${V} rua=mailto:a@c.example; x=${"1".repeat(2048)}`], ""],
  ["that is not there", [], ""],
];

for (const [what, texts, uris] of RECORDS)
  test(`record ${what} ${uris === "" ? "says nothing" : `says ${uris}`}`, () => {
    assert.equal(parseTlsrptRecord(texts).map(formatEndpointUri).join(" "), uris);
  });

test("of many endpoints the first are taken", () => {
  const many = Array.from({ length: 50 }, (_, at) => `mailto:a${at}@c.example`).join(",");
  const read = parseTlsrptRecord([`${V} rua=${many}`]);
  assert.equal(read.length, MAX_REPORT_ENDPOINTS);
  assert.deepEqual(read[0], { kind: "mailto", address: "a0@c.example" });
});

test("any record is read without a throw, and what is read has no space and no line end", () => {
  const words = [V, " rua=", "mailto:", "https://", "a@b.example", ",", ";", "%0a", "%", "!", "\r"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), (parts) => {
      for (const each of parseTlsrptRecord([parts.join("")]))
        assert.match(formatEndpointUri(each), /^[!-~]+$/u);
    }),
  );
});

const DAY = Date.UTC(2026, 10, 25);
const REPORT: TlsReport = {
  organization: "Example, Inc.",
  contact: "tls@sender.example",
  id: "2026-11-25.1f@mx.sender.example",
  startMs: DAY,
  endMs: DAY + 86_399_000,
  findings: [
    {
      policy: {
        type: "sts",
        domain: "far.example",
        strings: ["version: STSv1", "mode: testing", "mx: *.far.example", "max_age: 86400"],
        mxHosts: ["*.far.example"],
      },
      successes: 5326,
      failures: 303,
      details: [
        {
          type: "certificate-expired",
          reason: "CERT_HAS_EXPIRED",
          sendingIp: "2001:db8::1",
          mxHost: "mx1.far.example",
          receivingIp: "192.0.2.7",
          sessions: 302,
        },
        {
          type: "sts-policy-fetch-error",
          reason: "",
          sendingIp: "",
          mxHost: "",
          receivingIp: "",
          sessions: 1,
        },
      ],
    },
    {
      policy: { type: "no-policy-found", domain: "far.example", strings: [], mxHosts: [] },
      successes: 1,
      failures: 0,
      details: [],
    },
  ],
};

test("a report has the fields of the standard", () => {
  assert.deepEqual(JSON.parse(formatTlsReport(REPORT)), {
    "organization-name": "Example, Inc.",
    "date-range": {
      "start-datetime": "2026-11-25T00:00:00Z",
      "end-datetime": "2026-11-25T23:59:59Z",
    },
    "contact-info": "tls@sender.example",
    "report-id": "2026-11-25.1f@mx.sender.example",
    policies: [
      {
        policy: {
          "policy-type": "sts",
          "policy-string": [
            "version: STSv1",
            "mode: testing",
            "mx: *.far.example",
            "max_age: 86400",
          ],
          "policy-domain": "far.example",
          "mx-host": ["*.far.example"],
        },
        summary: {
          "total-successful-session-count": 5326,
          "total-failure-session-count": 303,
        },
        "failure-details": [
          {
            "result-type": "certificate-expired",
            "sending-mta-ip": "2001:db8::1",
            "receiving-mx-hostname": "mx1.far.example",
            "receiving-ip": "192.0.2.7",
            "failed-session-count": 302,
            "failure-reason-code": "CERT_HAS_EXPIRED",
          },
          { "result-type": "sts-policy-fetch-error", "failed-session-count": 1 },
        ],
      },
      {
        policy: { "policy-type": "no-policy-found", "policy-domain": "far.example" },
        summary: { "total-successful-session-count": 1, "total-failure-session-count": 0 },
      },
    ],
  });
});

test("a mail has the header of the standard, and the report as its second part", async () => {
  const json = formatTlsReport(REPORT);
  const submitter = "mx.sender.example";
  const text = formatReportMail({
    submitter,
    from: "tls@sender.example",
    to: "reports@far.example",
    domain: "far.example",
    reportId: REPORT.id,
    id: "0123456789abcdef",
    boundary: "00112233445566778899",
    writtenAtMs: DAY + 90_000_000,
    fileName: reportFileName(submitter, "far.example", REPORT),
    gzip: gzipSync(json),
  });
  const lines = Buffer.from(text).toString("latin1").split("\r\n");
  assert.ok(
    lines.every((line) => /^[\t -~]{0,78}$/u.test(line)),
    "short lines of ASCII",
  );
  const mail = await simpleParser(Buffer.from(text));
  assert.equal(
    mail.subject,
    "Report Domain: far.example Submitter: mx.sender.example Report-ID: <2026-11-25.1f@mx.sender.example>",
  );
  const header = (name: string): unknown => mail.headers.get(name);
  assert.equal(header("tls-report-domain"), "far.example");
  assert.equal(header("tls-report-submitter"), "mx.sender.example");
  assert.equal(header("tls-required"), "No");
  assert.equal(header("auto-submitted"), "auto-generated");
  assert.deepEqual(header("content-type"), {
    value: "multipart/report",
    params: { "report-type": "tlsrpt", boundary: "00112233445566778899" },
  });
  const [attached] = mail.attachments;
  assert.equal(attached?.contentType, "application/tlsrpt+gzip");
  assert.equal(attached.filename, "mx.sender.example!far.example!1795564800!1795651199.json.gz");
  assert.equal(gunzipSync(attached.content).toString(), json);
});
