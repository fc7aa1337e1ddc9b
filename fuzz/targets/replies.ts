/** Replies of servers that we send to: the same at every split, printable and bounded. */
import assert from "node:assert/strict";
import { ReplyParser } from "#protocols/smtp/reply-parser.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

export const replies: FuzzTarget = {
  name: "replies",
  words: [
    "250 ",
    "250-",
    "220 x\r\n",
    "354 \r\n",
    "421 4.3.2 x\r\n",
    "\n",
    "\r",
    "STARTTLS",
    "SIZE ",
  ],
  seeds: () => ["220 mx ESMTP\r\n250-mx\r\n250-SIZE 1\r\n250 DSN\r\n", "250 a\n550 b\r\n"],
  run: (input) => {
    const whole = parsed([input]);
    for (const size of sizesFor(input))
      assert.deepEqual(parsed(piecesOf(input, size)), whole, `pieces of ${size}`);
  },
};

function parsed(pieces: readonly Buffer[]): readonly unknown[] {
  const parser = new ReplyParser();
  const all: unknown[] = [];
  for (const piece of pieces) {
    const { replies: some, fault } = parser.push(piece);
    for (const reply of some) {
      for (const line of reply.lines) assert.match(line, /^[ -~]*$/);
      all.push(reply);
    }
    if (fault !== undefined) return [...all, fault];
  }
  return all;
}
