import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeUtf8Address,
  decodeXtext,
  encodeUtf8Address,
  encodeXtext,
  isUtf8AddressText,
  isXtext,
  utf8AddressInAscii,
} from "./xtext.ts";

test("xtext decodes to what was encoded, whatever is printable in it", () => {
  const printable = fc.string({ unit: "grapheme-ascii" });
  fc.assert(
    fc.property(printable, (text) => {
      const encoded = encodeXtext(text);
      assert.ok(isXtext(encoded), encoded);
      assert.equal(decodeXtext(encoded), text);
    }),
  );
});

test("an address beyond ASCII decodes to what was encoded, and is ASCII in between", () => {
  const address = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(address, (text) => {
      const encoded = encodeUtf8Address(text);
      assert.match(encoded, /^[!-~]*$/);
      assert.ok(isUtf8AddressText(encoded), encoded);
      assert.equal(decodeUtf8Address(encoded), text);
    }),
  );
});

const ADDRESSES: readonly (readonly [written: string, address: string | undefined])[] = [
  ["dr\\x{F8}m@example.org", "dr\u00f8m@example.org"],
  ["dr\u00f8m@example.org", "dr\u00f8m@example.org"],
  ["a\\x{2B}b@example.org", "a+b@example.org"],
  ["a\\x{D800}b@example.org", undefined],
  ["a\\x{110000}b@example.org", undefined],
  ["a+b@example.org", undefined],
  ["a b@example.org", undefined],
];

for (const [written, address] of ADDRESSES) {
  test(`an address written ${JSON.stringify(written)} is ${address ?? "none"}`, () => {
    assert.equal(decodeUtf8Address(written), address);
  });
}

test("an address that is half in ASCII form is put in ASCII once", () => {
  assert.equal(
    utf8AddressInAscii("utf-8;dr\u00f8\\x{2B}m@example.org"),
    "utf-8;dr\\x{F8}\\x{2B}m@example.org",
  );
});
