import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatReceived, type Trace } from "./received.ts";

const TRACE: Trace = {
  source: { helo: "client.example", hostname: "<unknown>", address: "2001:db8::1" },
  serverName: "mx.example",
  protocol: "ESMTP",
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
