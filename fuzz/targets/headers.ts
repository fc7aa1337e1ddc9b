/** What looks at header fields and what changes them: the same at every split. */
import assert from "node:assert/strict";
import { HeaderEditor, type HeaderEdits } from "#protocols/mail/header-editor.ts";
import { HeaderScanner } from "#protocols/mail/header-scanner.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

const EDITS: HeaderEdits = {
  domain: "mx.example",
  date: "Thu, 1 Jan 2026 00:00:00 +0000",
  messageId: "<1@mx.example>",
  sender: "a@mx.example",
};

export const headers: FuzzTarget = {
  name: "headers",
  words: [
    "From:",
    "To:",
    "Cc: ",
    "Bcc:",
    "Date:",
    "Message-ID:",
    "Received:",
    "\r\n ",
    "\r\n\r\n",
    '"',
    "(",
    "<a",
    ",",
    ":;",
  ],
  seeds: () => [
    "From: a\r\nTo: b, c@x.example,\r\n d\r\nBcc: e\r\n\r\nbody\r\n",
    'To: "a, b" <c> (d), g: e, f;\r\nSubject: x\r\n\r\n',
    "Received: x\r\nReceived: y\r\n",
  ],
  run: (input) => {
    const whole = seen([input]);
    const edited = editedBy([input]);
    for (const size of sizesFor(input)) {
      assert.deepEqual(seen(piecesOf(input, size)), whole, `pieces of ${size}`);
      assert.equal(editedBy(piecesOf(input, size)), edited, `pieces of ${size}`);
    }
  },
};

function seen(pieces: readonly Buffer[]): readonly unknown[] {
  const scanner = new HeaderScanner();
  for (const piece of pieces) if (!scanner.isFinished) scanner.push(piece);
  return [scanner.receivedCount, scanner.isMalformed];
}

function editedBy(pieces: readonly Buffer[]): string {
  const written: Buffer[] = [];
  const editor = new HeaderEditor(EDITS, (text) => void written.push(Buffer.from(text)));
  for (const piece of pieces) editor.push(piece);
  editor.end();
  return Buffer.concat(written).toString("latin1");
}
