import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MboxLines } from "./mbox-lines.ts";

/** What comes out when `text` goes in, in pieces of `size`. */
function through(text: string, size = Math.max(1, text.length)): string {
  const lines = new MboxLines();
  const out: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += size)
    out.push(lines.push(Buffer.from(text.slice(at, at + size), "latin1")));
  out.push(lines.end());
  return Buffer.concat(out).toString("latin1");
}

const CASES: readonly (readonly [text: string, mbox: string])[] = [
  ["a\r\nFrom b\r\n", "a\n>From b\n\n"],
  ["From a\r\n>From b\r\n>>From c\r\n>Fro\r\n", ">From a\n>>From b\n>>>From c\n>Fro\n\n"],
  ["a\nFrom b\n", "a\n>From b\n\n"],
  ["From", "From\n\n"],
  ["From ", ">From \n\n"],
  ["Fro>From x\r\nF", "Fro>From x\nF\n\n"],
  [">F>From x", ">F>From x\n\n"],
  ["a\r\n\r\n>", "a\n\n>\n\n"],
  ["a\r", "a\r\n\n"],
  ["", "\n"],
];

for (const [text, mbox] of CASES) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(mbox)} in an mbox, however it comes`, () => {
    for (let size = 1; size <= text.length + 1; size++) assert.equal(through(text, size), mbox);
  });
}

const someText = fc
  .array(fc.constantFrom("\r\n", "\n", "\r", ">", "From ", "Fro", "m ", "x", ""), { maxLength: 30 })
  .map((parts) => parts.join(""));

test("no line of an mbox begins with From, and the text comes back without one >", () => {
  fc.assert(
    fc.property(someText, fc.integer({ min: 1, max: 9 }), (text, size) => {
      const mbox = through(text, size);
      assert.equal(mbox, through(text));
      assert.doesNotMatch(mbox, /(?:^|\n)From /u);
      const lines = text.replaceAll("\r\n", "\n");
      const whole = lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
      assert.equal(mbox.replaceAll(/(^|\n)>(>*From )/gu, "$1$2"), `${whole}\n`);
    }),
  );
});
