import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LocalLines } from "#engine/delivery/local-lines.ts";
import { ReturnsAndFeeds, withCrlfLines } from "./line-ends.ts";

interface Lines {
  push(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** What comes out when `text` goes in, in pieces of `size`. */
function through(lines: Lines, text: string, size = Math.max(1, text.length)): string {
  const out: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += size)
    out.push(lines.push(Buffer.from(text.slice(at, at + size), "latin1")));
  out.push(lines.end());
  return Buffer.concat(out).toString("latin1");
}

const WRITERS: readonly (readonly [what: string, make: () => Lines])[] = [
  ["to LF", () => new LocalLines()],
  ["to CRLF", () => new ReturnsAndFeeds()],
];

const someText = fc
  .array(fc.constantFrom("\r\n", "\n", "\r", "x", ""), { maxLength: 30 })
  .map((parts) => parts.join(""));

for (const [what, make] of WRITERS) {
  test(`line ends ${what}: any split of a text gives the same`, () => {
    fc.assert(
      fc.property(someText, fc.integer({ min: 1, max: 9 }), (text, size) => {
        assert.equal(through(make(), text, size), through(make(), text));
      }),
    );
  });
}

test("a text of whole lines comes back as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("", "a", "From b", ">c")), (lines) => {
      const text = lines.map((line) => `${line}\r\n`).join("");
      const unix = through(new LocalLines(), text);
      assert.equal(unix, text.replaceAll("\r\n", "\n"));
      assert.equal(through(new ReturnsAndFeeds(), unix), text);
    }),
  );
});

test("a last line without an end gets one, and bytes beyond ASCII are seen", () => {
  const lines = new ReturnsAndFeeds();
  assert.equal(through(lines, "a\nb"), "a\r\nb\r\n");
  assert.equal(lines.is8bit, false);
  assert.equal(through(lines, "\xe4\r"), "\xe4\r\n");
  assert.equal(lines.is8bit, true);
});

const WHOLE_TEXTS: readonly (readonly [what: string, text: string, expected: string])[] = [
  ["nothing", "", ""],
  ["a last byte of zero", "a\0", "a\0\r\n"],
  ["a last CR", "a\r", "a\r\n"],
  ["a CRLF between two pieces", `${"x".repeat(65_535)}\r\n`, `${"x".repeat(65_535)}\r\n`],
];

for (const [what, text, expected] of WHOLE_TEXTS) {
  test(`line ends of a whole text: ${what}`, () => {
    assert.equal(Buffer.from(withCrlfLines(Buffer.from(text))).toString(), expected);
  });
}
