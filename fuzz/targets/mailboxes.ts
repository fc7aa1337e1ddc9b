/** What goes into mailboxes: an mbox that stays one message, a header's signs, at every split. */
import assert from "node:assert/strict";
import { DeliveredToScan } from "#engine/delivery/delivered-to.ts";
import { fromLine } from "#engine/delivery/from-line.ts";
import { MboxLines } from "#engine/delivery/mbox-lines.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

export const mailboxes: FuzzTarget = {
  name: "mailboxes",
  words: ["From ", ">From ", "\r\n", "\n", "\r", "Delivered-To: ", "X-Spam: yes", "\r\n\r\n", ">"],
  seeds: () => [
    "Delivered-To: a@x.example\r\nX-Spam-Flag: yes\r\n\r\nFrom me\r\n>From you\r\nFro",
    "\r\nFrom ",
    ">>>From x\n\rFrom y",
  ],
  run: (input) => {
    const whole = mboxOf([input]);
    const signs = signsOf([input]);
    // As latin1 a CR is text: only LF ends a line of an mbox.
    assert.ok(!whole.startsWith("From ") && !whole.includes("\nFrom "), "one message");
    assert.ok(whole.endsWith("\n"), "a last line that ends");
    for (const size of sizesFor(input)) {
      assert.equal(mboxOf(piecesOf(input, size)), whole, `pieces of ${size}`);
      assert.deepEqual(signsOf(piecesOf(input, size)), signs, `pieces of ${size}`);
    }
    assert.doesNotMatch(fromLine(input.toString("utf8"), 0), /[\n\r]/u);
  },
};

function mboxOf(pieces: readonly Buffer[]): string {
  const lines = new MboxLines();
  const out = pieces.map((piece) => lines.push(piece));
  return Buffer.concat([...out, lines.end()]).toString("latin1");
}

function signsOf(pieces: readonly Buffer[]): readonly unknown[] {
  const scan = new DeliveredToScan();
  for (const piece of pieces) if (scan.push(piece) === "done") break;
  return [[...scan.values], scan.isSpam];
}
