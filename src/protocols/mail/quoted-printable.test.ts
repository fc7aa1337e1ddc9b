import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { QuotedPrintableEncoder } from "./quoted-printable.ts";

function encode(pieces: readonly Uint8Array[]): string {
  const encoder = new QuotedPrintableEncoder();
  const out = pieces.map((piece) => encoder.push(piece));
  return Buffer.concat([...out, encoder.end()]).toString("latin1");
}

/** Undoes it, by RFC 2045 alone. */
function decode(text: string): Buffer {
  const joined = text.replaceAll("=\r\n", "");
  return Buffer.from(
    joined.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    "latin1",
  );
}

const CASES: readonly (readonly [name: string, text: string, encoded: string])[] = [
  ["leaves plain lines", "one\r\n.two\r\n", "one\r\n.two\r\n"],
  ["escapes the equals sign", "a=b\r\n", "a=3Db\r\n"],
  ["escapes a space at the end of a line", "a \r\nb\t\r\n", "a=20\r\nb=09\r\n"],
  ["escapes a space at the end of the text", "a ", "a=20"],
  ["keeps spaces inside", "a b\tc\r\n", "a b\tc\r\n"],
  ["escapes bare CR, bare LF and NUL", "a\rb\nc\0\r\n", "a=0Db=0Ac=00\r\n"],
  ["escapes a CR before a CRLF", "a\r\r\n", "a=0D\r\n"],
  ["escapes octets beyond ASCII", "\xe9\r\n", "=E9\r\n"],
  [
    "breaks at 75 characters",
    `${"x".repeat(80)}\r\n`,
    `${"x".repeat(75)}=\r\n${"x".repeat(5)}\r\n`,
  ],
  ["leaves an empty text empty", "", ""],
];

for (const [name, text, encoded] of CASES) {
  test(`quoted-printable ${name}`, () => {
    const bytes = Buffer.from(text, "latin1");
    assert.equal(encode([bytes]), encoded);
    assert.equal(encode([...bytes].map((byte) => Uint8Array.of(byte))), encoded);
  });
}

test("quoted-printable decodes to what it was, in lines of at most 76 characters", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
      const encoded = encode(pieces);
      assert.deepEqual(decode(encoded), Buffer.concat(pieces));
      for (const line of encoded.split("\r\n")) {
        assert.ok(line.length <= 76 && /^[\t -~]*$/.test(line) && !/[ \t]$/.test(line), line);
      }
    }),
  );
});
