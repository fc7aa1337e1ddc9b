import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatReceived, type Trace } from "./received.ts";

const ESMTP = {
  base: "SMTP",
  isExtended: true,
  isUtf8: false,
  isAuthenticated: false,
} as const;
const TRACE: Trace = {
  source: { helo: "client.example", hostname: "<unknown>", address: "2001:db8::1" },
  serverName: "mx.example",
  user: undefined,
  protocol: ESMTP,
  tls: undefined,
  username: undefined,
  msgid: "0000002a",
  forwardPath: "b@server.example",
  atWallMs: 1_609_750_861_999,
};

test("trace header says who, to whom and when", () => {
  assert.equal(
    formatReceived(TRACE),
    "Received: from client.example (<unknown> [IPv6:2001:db8::1])\r\n" +
      "\tby mx.example (Postrider) with ESMTP id 0000002a\r\n" +
      "\tfor <b@server.example>;\r\n" +
      "\tMon, 04 Jan 2021 09:01:01 +0000 (UTC)\r\n",
  );
});

function byClause(user: Trace["user"]): string {
  return formatReceived({ ...TRACE, user }).split("\r\n\t")[1] ?? "";
}

test("trace header names the user of this machine who handed it in", () => {
  assert.deepEqual(
    [
      { uid: 1000, name: "anna" },
      { uid: 4242, name: undefined },
      { uid: 7, name: "a)\r\nb c" },
    ].map(byClause),
    [
      "by mx.example (Postrider, from anna@localhost, userid 1000) with ESMTP id 0000002a",
      "by mx.example (Postrider, from userid 4242) with ESMTP id 0000002a",
      "by mx.example (Postrider, from a???b?c@localhost, userid 7) with ESMTP id 0000002a",
    ],
  );
});

test("trace header keeps its four lines, whatever the client calls itself and the recipient", () => {
  const text = fc.string({ unit: "binary", maxLength: 600 });
  fc.assert(
    fc.property(text, text, (helo, forwardPath) => {
      const source = { helo, hostname: helo, address: "192.0.2.1" };
      const lines = formatReceived({ ...TRACE, source, forwardPath }).split("\r\n");
      assert.equal(lines.length, 5);
      for (const line of lines) assert.match(line, /^[\t -~]{0,998}$/);
    }),
  );
});

test("trace header tells of TLS, and of the user where it may", () => {
  const tls = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256, verified: false };
  const protocol = { ...ESMTP, isAuthenticated: true };
  const [, by] = formatReceived({ ...TRACE, protocol, tls, username: "ann" }).split("\r\n");
  assert.equal(
    by,
    "\tby mx.example (Postrider) with ESMTPSA id 0000002a (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO) auth=yes user=ann",
  );
  const [, nobody] = formatReceived({ ...TRACE, tls, username: "" }).split("\r\n");
  assert.match(nobody ?? "", / with ESMTPS id 0000002a \(.*\) auth=no$/);
});

const WORDS = [
  [{ base: "SMTP", isExtended: false, isUtf8: false, isAuthenticated: false }, "SMTP"],
  [{ base: "SMTP", isExtended: true, isUtf8: true, isAuthenticated: true }, "UTF8SMTPA"],
  [{ base: "LMTP", isExtended: true, isUtf8: false, isAuthenticated: false }, "LMTP"],
  [{ base: "LMTP", isExtended: true, isUtf8: true, isAuthenticated: true }, "UTF8LMTPA"],
] as const;

for (const [protocol, word] of WORDS) {
  test(`trace header has the protocol word ${word}`, () => {
    assert.ok(formatReceived({ ...TRACE, protocol }).includes(` with ${word} id `));
  });
}

test("trace header has letters of other scripts for the recipient with SMTPUTF8 alone", () => {
  const forwardPath = "用户@server.example";
  assert.ok(formatReceived({ ...TRACE, forwardPath }).includes("for <??@server.example>"));
  const protocol = { ...ESMTP, isUtf8: true };
  assert.ok(formatReceived({ ...TRACE, forwardPath, protocol }).includes(`for <${forwardPath}>`));
});
