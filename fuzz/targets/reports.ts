/** Reports to senders: whatever servers, senders and originals say, the form stays what it is. */
import assert from "node:assert/strict";
import { formatReport, type Report } from "#protocols/dsn/report.ts";
import { transferClassOf } from "#protocols/dsn/transfer-class.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const BOUNDARY = "0123456789abcdef0123456789abcdef";
const ACTIONS = ["failed", "delayed", "delivered", "relayed", "expanded"] as const;

export const reports: FuzzTarget = {
  name: "reports",
  words: [
    "\n",
    "\r\n",
    "\r\n--",
    "550 5.1.1 ",
    "utf-8;",
    "rfc822;",
    "\\x{D800}",
    "+0A",
    "\u00e2\u0080\u00ae", // U+202E as UTF-8
    "\u001b[31m",
    "Subject: x",
    "Message-ID: <a@b>",
    '"a b"@x',
    "=\r\n",
  ],
  seeds: () => [
    "0\n550 5.1.1 no\nmx.example [192.0.2.1]\nbob@example.org\nrfc822;bob+2B@x\nQQ+3D1\nSubject: x\r\n",
    "9\n\nmx\nb\u00c3\u00b8b@x\nutf-8;b\\x{F8}b@x\n\nSubject: \u00c3\u00b8\r\n",
  ],
  run: (input) => {
    const [first = "", ...fields] = input.toString("utf8").split("\n");
    const [diagnostic = "", remote = "", recipient = "", orcpt = "", envelopeId = ""] = fields;
    const choice = first.codePointAt(0) ?? 0;
    const form = choice % 2 === 0 ? "ascii" : "utf8";
    const { before, after } = formatReport({
      serverName: "mx.example",
      action: ACTIONS[choice % ACTIONS.length] ?? "failed",
      form,
      to: form === "utf8" ? recipient : "alice@example.com",
      id: "1.1",
      boundary: BOUNDARY,
      writtenAtMs: 0,
      arrivedAtMs: 0,
      envelopeId,
      recipients: [
        { recipient, orcpt, status: "5.0.0", diagnostic, remote, lastTryAtMs: 1, retryUntilMs: 1 },
      ],
      originalId: "",
      remarks: [],
      returned: returnedOf(input, choice),
    });
    const report = Buffer.concat([before, after]);
    assert.notEqual(transferClassOf(report), "binary", "lines end in CRLF and are of legal length");
    if (form === "ascii") assert.equal(transferClassOf(report), "7bit");
    const lines = report.toString("latin1").split("\r\n");
    // An original that knew the boundary would be another thing: nobody can.
    const marks = lines.filter((line) => line.startsWith(`--${BOUNDARY}`)).length;
    if (!input.includes(BOUNDARY)) assert.equal(marks, 4, "four boundary lines");
    assert.equal(lines.indexOf("") > 8, true, "a header that ends where it ends");
  },
};

/** The whole input as the original's header. */
function returnedOf(input: Buffer, choice: number): Report["returned"] {
  return { kind: "header", header: input, utf8: choice % 3 === 0, instead: "" };
}
