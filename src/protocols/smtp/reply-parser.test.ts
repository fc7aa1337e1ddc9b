import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  MAX_REPLY_LINES,
  type ParsedReplies,
  type ReceivedReply,
  ReplyParser,
} from "./reply-parser.ts";

interface Case {
  readonly name: string;
  readonly wire: string;
  readonly replies: readonly ReceivedReply[];
  readonly fault?: string;
}

const OK: ReceivedReply = { code: 250, lines: ["ok"] };

const CASES: readonly Case[] = [
  { name: "reads a reply of one line", wire: "250 ok\r\n", replies: [OK] },
  { name: "reads a reply without text", wire: "250\r\n", replies: [{ code: 250, lines: [""] }] },
  {
    name: "reads a reply of several lines",
    wire: "250-a\r\n250-b\r\n250 c\r\n",
    replies: [{ code: 250, lines: ["a", "b", "c"] }],
  },
  { name: "reads replies one after the other", wire: "250 ok\r\n250 ok\r\n", replies: [OK, OK] },
  { name: "takes a lone LF as a line end", wire: "250 ok\n", replies: [OK] },
  { name: "waits for the last line", wire: "250-a\r\n", replies: [] },
  {
    name: "escapes control characters, 8-bit and NUL",
    wire: "550 \x1b[2J\x00\xff\ta\rb\r\n",
    replies: [{ code: 550, lines: ["\\x1b[2J\\x00\\xff a\\x0db"] }],
  },
  {
    name: "refuses lines that disagree",
    wire: "250-ok\r\n550 no\r\n250 ok\r\n",
    replies: [],
    fault: "Lines of one reply have different codes",
  },
  { name: "refuses a code below 200", wire: "199 x\r\n", replies: [], fault: "Not a reply" },
  { name: "refuses a code above 599", wire: "600 x\r\n", replies: [], fault: "Not a reply" },
  { name: "refuses a fourth digit", wire: "2500 x\r\n", replies: [], fault: "Not a reply" },
  { name: "refuses an empty line", wire: "\r\n", replies: [], fault: "Not a reply" },
  { name: "refuses what is no reply", wire: "GET / HTTP\r\n", replies: [], fault: "Not a reply" },
  {
    name: "keeps what came before a fault",
    wire: "250 ok\r\nx\r\n",
    replies: [OK],
    fault: "Not a reply",
  },
  {
    name: "refuses a line that is too long",
    wire: `250 ${"x".repeat(2045)}\r\n`,
    replies: [],
    fault: "Line is too long",
  },
  {
    name: "takes the longest line",
    wire: `250 ${"x".repeat(2044)}\r\n`,
    replies: [{ code: 250, lines: ["x".repeat(2044)] }],
  },
];

function parse(wire: string, chunkBytes: number): ParsedReplies {
  const parser = new ReplyParser();
  const replies: ReceivedReply[] = [];
  let fault: ParsedReplies["fault"];
  for (let at = 0; at < wire.length; at += chunkBytes) {
    const got = parser.push(Buffer.from(wire.slice(at, at + chunkBytes), "latin1"));
    replies.push(...got.replies);
    fault = got.fault;
  }
  return { replies, fault };
}

for (const c of CASES) {
  test(`reply parser ${c.name}, wherever the bytes are split`, () => {
    for (let size = 1; size <= Math.min(c.wire.length, 40); size++) {
      const { replies, fault } = parse(c.wire, size);
      assert.deepEqual(replies, c.replies, `chunks of ${size} bytes`);
      assert.equal(fault?.reason, c.fault, `chunks of ${size} bytes`);
    }
  });
}

test("reply parser refuses a reply of too many lines", () => {
  const { fault } = parse("250-x\r\n".repeat(MAX_REPLY_LINES + 1), 1000);
  assert.equal(fault?.reason, "Reply is too long");
});

test("reply parser refuses a line that never ends, before it has kept much of it", () => {
  const { fault } = parse(`250 ${"x".repeat(5000)}`, 100);
  assert.equal(fault?.reason, "Line is too long");
});

test("reply parser gives the same for any split, and only printable text", () => {
  const bytes = fc.stringMatching(/^(?:[245]\d\d[ -][^\n]{0,9}\r?\n){0,6}$/);
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 9 }), (wire, size) => {
      const whole = parse(wire, Math.max(1, wire.length));
      assert.deepEqual(parse(wire, size), whole);
      for (const { lines } of whole.replies) {
        for (const line of lines) assert.match(line, /^[ -~]*$/);
      }
    }),
  );
});
