import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DataEncoder } from "./data-encoder.ts";

const CASES: readonly { readonly name: string; readonly text: string; readonly wire: string }[] = [
  { name: "ends a text with the mark", text: "hi\r\n", wire: "hi\r\n.\r\n" },
  { name: "ends an empty text", text: "", wire: ".\r\n" },
  { name: "completes the last line", text: "hi", wire: "hi\r\n.\r\n" },
  { name: "doubles a dot that begins a line", text: ".\r\n.a\r\n", wire: "..\r\n..a\r\n.\r\n" },
  { name: "doubles a dot after a lone LF", text: "a\n.\nb\r\n", wire: "a\r\n..\r\nb\r\n.\r\n" },
  { name: "leaves a dot inside a line alone", text: "a.b.\r\n", wire: "a.b.\r\n.\r\n" },
  { name: "makes CRLF of a lone LF", text: "a\n\nb\r\n\n", wire: "a\r\n\r\nb\r\n\r\n.\r\n" },
  { name: "makes a space of a lone CR", text: "a\rb\r\r\nc\r\n", wire: "a b \r\nc\r\n.\r\n" },
  { name: "lets a lone CR begin no line", text: "a\r.\r\n", wire: "a .\r\n.\r\n" },
  { name: "completes a text that ends in CR", text: "a\r", wire: "a\r\n.\r\n" },
  { name: "sends a text of one CR", text: "\r", wire: "\r\n.\r\n" },
  { name: "lets no LF . CRLF out", text: "x\n.\r\nMAIL", wire: "x\r\n..\r\nMAIL\r\n.\r\n" },
];

function encode(text: string, chunkBytes: number): string {
  const encoder = new DataEncoder();
  const wire: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += chunkBytes) {
    wire.push(encoder.push(Buffer.from(text.slice(at, at + chunkBytes), "latin1")));
  }
  wire.push(encoder.end());
  return Buffer.concat(wire).toString("latin1");
}

for (const c of CASES) {
  test(`DATA encoder ${c.name}, wherever the text is cut`, () => {
    for (let size = 1; size <= Math.max(1, c.text.length); size++) {
      assert.equal(encode(c.text, size), c.wire, `chunks of ${size} bytes`);
    }
  });
}

test("DATA encoder copies nothing where nothing changes", () => {
  const text = Buffer.from("a\r\nb\r\n");
  assert.equal(new DataEncoder().push(text), text);
});

test("DATA encoder sends one end-of-data mark, CRLF lines only, the same for any cut", () => {
  const text = fc.array(fc.constantFrom("\r", "\n", ".", "x", "\r\n"), { maxLength: 40 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 7 }), (pieces, size) => {
      const wire = encode(pieces.join(""), size);
      assert.equal(wire, encode(pieces.join(""), 1000));
      assert.doesNotMatch(wire.replaceAll("\r\n", ""), /[\r\n]/);
      assert.equal(`\r\n${wire}`.indexOf("\r\n.\r\n"), wire.length - 3);
    }),
  );
});

test("DATA encoder gives clean text back after unstuffing", () => {
  const lines = fc.array(fc.stringMatching(/^[.a]{0,4}$/), { maxLength: 8 });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 7 }), (rows, size) => {
      const text = rows.map((row) => `${row}\r\n`).join("");
      const unstuffed = encode(text, size).slice(0, -3).replaceAll(/^\./gm, "");
      assert.equal(unstuffed, text);
    }),
  );
});
