import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  HeaderEditor,
  type HeaderEdits,
  MAX_ADDED_BYTES,
  MAX_EDITED_BYTES,
} from "./header-editor.ts";

const EDITS: HeaderEdits = {
  domain: "mx.example",
  date: "Mon, 04 Jan 2021 09:01:01 +0000",
  messageId: "<1@mx.example>",
  sender: undefined,
};
const DATE = `Date: ${EDITS.date}\r\n`;
const ID = `Message-ID: ${EDITS.messageId}\r\n`;
const BOTH = "Date: x\r\nMessage-ID: y\r\n";

function edit(text: string, pieceBytes: number, edits: HeaderEdits = EDITS): string {
  const wire = Buffer.from(text, "latin1");
  const pieces: Buffer[] = [];
  const editor = new HeaderEditor(edits, (piece) => pieces.push(Buffer.from(piece)));
  for (let at = 0; at < wire.length; at += pieceBytes)
    editor.push(wire.subarray(at, at + pieceBytes));
  editor.end();
  return Buffer.concat(pieces).toString("latin1");
}

const CASES = [
  ["adds a date and an id behind the last header", "A: b\r\n\r\nx", `A: b\r\n${DATE}${ID}\r\nx`],
  ["adds an id alone", "dAtE : b\r\n\r\nx", `dAtE : b\r\n${ID}\r\nx`],
  ["adds to a message of headers alone", "A: b\r\n", `A: b\r\n${DATE}${ID}`],
  ["adds to an empty message", "", `${DATE}${ID}`],
  ["leaves what is complete", `${BOTH}\r\nBcc: x\r\n`, `${BOTH}\r\nBcc: x\r\n`],
  ["takes Bcc out with its folds", `Bcc: a,\r\n\tb\r\n${BOTH}BCC :c\r\n d\r\n\r\n`, `${BOTH}\r\n`],
  [
    "leaves what begins like Bcc",
    `Bccx: a\r\nBc: b\r\n${BOTH}\r\n`,
    `Bccx: a\r\nBc: b\r\n${BOTH}\r\n`,
  ],
  [
    "completes addresses",
    `${BOTH}To: a, "b c" <d>, e@f (g,h),\r\n <i>\r\nCc: x\r\nFrom: y\r\nReply-To: z\r\n\r\n`,
    `${BOTH}To: a@mx.example, "b c" <d@mx.example>, e@f (g,h),\r\n <i@mx.example>\r\nCc: x@mx.example\r\nFrom: y@mx.example\r\nReply-To: z\r\n\r\n`,
  ],
  [
    "completes the members of a group, not its name",
    `${BOTH}To: team: a, b@c;\r\n\r\n`,
    `${BOTH}To: team: a@mx.example, b@c;\r\n\r\n`,
  ],
  [
    "leaves what is no address",
    `${BOTH}To: "a, <b\r\nCc: A B, <>, (x\r\nTo: <a> <b>\r\nTo: A B\r\n\r\n`,
    `${BOTH}To: "a, <b\r\nCc: A B, <>, (x\r\nTo: <a> <b>\r\nTo: A B\r\n\r\n`,
  ],
  [
    "completes a quoted local part",
    `${BOTH}To: "a@b"\r\n\r\n`,
    `${BOTH}To: "a@b"@mx.example\r\n\r\n`,
  ],
  ["takes a Bcc out that ends the text", `${BOTH}Bcc: a`, BOTH],
] as const;

for (const [what, before, after] of CASES) {
  test(`header editor ${what}, wherever the text is split`, () => {
    for (let size = 1; size <= Math.max(1, before.length); size++)
      assert.equal(edit(before, size), after, `pieces of ${size} bytes`);
  });
}

/** What is written in From, and what stays of it where the sender is put there. */
const MASKED = [
  [' "A B" <a@b>, c (d)', ' "A B" <s@mx.example>, s@mx.example (d)'],
  [" c", " s@mx.example"],
  [' "a@b" <c@d>', ' "a@b" <s@mx.example>'],
  // Others may read an address where we see none.
  [" g: a@b;", " s@mx.example"],
  [" <a@b", " s@mx.example"],
  [' "A <a@b>', " s@mx.example"],
  [" <a@b> <c@d>", " s@mx.example"],
  [" A a@b", " s@mx.example"],
  [" a@b <c@d>", " s@mx.example"],
  [" s@mx.example, A a@b", " s@mx.example"],
  [" a(x)@b", " s@mx.example"],
  [" a @ b", " s@mx.example"],
  [" <>", " s@mx.example"],
  ["", " s@mx.example"],
  [` ${"(".repeat(40)}${")".repeat(40)} a@b`, " s@mx.example"],
  [` ${"\r\n\t".repeat(MAX_EDITED_BYTES / 2)}a@b`, " s@mx.example"],
  [" a@b\r\nFrom: c@d\r\n e@f\r\nfrom : g@h", " s@mx.example"],
] as const;

for (const [written, masked] of MASKED) {
  test(`header editor puts the sender in the place of ${JSON.stringify(written.slice(0, 30))}`, () => {
    const edits = { ...EDITS, sender: "s@mx.example" };
    const text = `${BOTH}From:${written}\r\nTo: a\r\n\r\n`;
    for (const size of [1, 7, 1000, text.length]) {
      const edited = edit(text, size, edits);
      assert.equal(edited, `${BOTH}From:${masked}\r\nTo: a@mx.example\r\n\r\n`);
    }
  });
}

test("header editor does not make a message much larger than it was", () => {
  const domain = `${"d".repeat(60)}.example`;
  const text = `To: ${"a,".repeat(30_000)}b\r\n`.repeat(20) + `Cc: ${"a,".repeat(99)}\r\n\r\n`;
  const edited = edit(text, 10_000, { ...EDITS, domain });
  assert.ok(edited.length < text.length + MAX_ADDED_BYTES + 1000, `${edited.length}`);
  assert.ok(edited.includes(`a@${domain}`), "what is small is completed all the same");
});

test("header editor leaves a header as it is that is too large to keep", () => {
  const long = `${BOTH}To: ${"a,\r\n ".repeat(MAX_EDITED_BYTES / 5)}b\r\nCc: c\r\n\r\n`;
  assert.equal(edit(long, 1000), long.replace("Cc: c", "Cc: c@mx.example"));
});

test("header editor changes nothing but what it is for, whatever the text and its pieces", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "X: y\r\n",
      " z\r\n",
      "Subject: <a>, b\r\n",
      "\r\n",
      "To",
      "Bcc",
      ":",
      "\n",
      "\r",
    ),
    fc.string({ unit: "binary", maxLength: 4 }).map((text) => text.replace(/[^\0-\xff]/g, "?")),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (lines, size) => {
        const text = lines.join("");
        const whole = edit(text, Math.max(1, text.length));
        assert.equal(edit(text, size), whole);
        // Addresses grow and Bcc goes: without them only two lines are new.
        if (/^(to|cc|from|bcc)[ \t]*:/im.test(text)) return;
        assert.equal(whole.replace(DATE, "").replace(ID, ""), text);
      },
    ),
    { numRuns: 3000 },
  );
});
