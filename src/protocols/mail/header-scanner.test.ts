import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderScanner } from "./header-scanner.ts";

interface Case {
  readonly name: string;
  readonly text: string;
  readonly malformed?: true;
  readonly received?: number;
}

const CASES: readonly Case[] = [
  { name: "may be empty", text: "" },
  { name: "may be an empty line", text: "\r\nbody" },
  { name: "may end with the text", text: "A: 1\r\nB: 2\r\n" },
  { name: "ends at the first empty line", text: "A: 1\r\n\r\nno header\r\n" },
  { name: "may be folded", text: "A: 1\r\n 2\r\n\t3\r\nB:\r\n\r\n" },
  {
    name: "counts Received in any spelling",
    text: "Received: 1\r\nRECEIVED:2\r\nreceived \t: 3\r\n\r\n",
    received: 3,
  },
  {
    name: "counts no other name",
    text: "X-Received: 1\r\nReceived-SPF: 2\r\nReceive: 3\r\nA:\r\n Received: 4\r\n\r\nReceived: 5\r\n",
    received: 0,
  },
  { name: "may not begin with a fold", text: " A: 1\r\n\r\n", malformed: true },
  { name: "may not have a line without a colon", text: "A: 1\r\nhello\r\n\r\n", malformed: true },
  { name: "may not end within a name", text: "A: 1\r\nhello", malformed: true },
  { name: "may not have an empty name", text: ": 1\r\n\r\n", malformed: true },
  { name: "may have a name of 1023 octets", text: `${"n".repeat(1023)}: 1\r\n\r\n` },
  { name: "may not have a longer name", text: `${"n".repeat(1024)}: 1\r\n\r\n`, malformed: true },
];

for (const c of CASES) {
  test(`header block ${c.name}, wherever the bytes are split`, () => {
    const text = Buffer.from(c.text, "latin1");
    for (const size of [1, 2, 3, 4, 5, 7, 11, 2000]) {
      const scanner = new HeaderScanner();
      for (let at = 0; at < text.length; at += size) scanner.push(text.subarray(at, at + size));
      assert.deepEqual(
        { malformed: scanner.isMalformed, received: scanner.receivedCount },
        { malformed: c.malformed ?? false, received: c.received ?? 0 },
        `pieces of ${size} bytes`,
      );
    }
  });
}
