import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as holds, nat, property, uint8Array } from "fast-check";
import { decode } from "dns-packet";
import { encodeQuery, isDnsName, parseResponse } from "./dns-message.ts";

const ASKED = { name: "a.example", type: "A" } as const;

/** A response of id 1 to `ASKED`, up to the question's end. */
function beginning(flags: number, answers: number): Buffer {
  const query = encodeQuery(ASKED, { id: 1, asksAuthentic: false, edns: false });
  const bytes = Buffer.from(query);
  bytes.writeUInt16BE(flags, 2);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
}

test("no octets make the reader throw", () => {
  holds(
    property(uint8Array({ maxLength: 200 }), nat(0xffff), (rest, flags) => {
      const bytes = Buffer.concat([beginning(flags | 0x8000, rest.length % 4), rest]);
      assert.ok("kind" in parseResponse(bytes, ASKED, 1));
    }),
  );
});

test("a name that points at itself ends", () => {
  const { length } = beginning(0x8180, 1);
  const record = Buffer.from([0xc0, length, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
  const bytes = Buffer.concat([beginning(0x8180, 1), record]);
  assert.equal(parseResponse(bytes, ASKED, 1).kind, "malformed");
});

test("a header that promises more records than anybody needs is not read on", () => {
  assert.equal(parseResponse(beginning(0x8180, 0xffff), ASKED, 1).kind, "malformed");
});

test("a response with another number, or that is a query, is none of ours", () => {
  assert.equal(parseResponse(beginning(0x8180, 0), ASKED, 2).kind, "foreign");
  assert.equal(parseResponse(beginning(0x0100, 0), ASKED, 1).kind, "foreign");
});

test("a query asks for recursion, and for what was checked where that counts", () => {
  const query = decode(Buffer.from(encodeQuery(ASKED, { id: 7, asksAuthentic: true, edns: true })));
  assert.equal(query.id, 7);
  assert.equal(query.flags, 0x0120);
  assert.equal(query.additionals?.[0]?.type, "OPT");
});

for (const [name, is] of [
  ["a.example", true],
  [`${"a".repeat(63)}.example`, true],
  [`${"a".repeat(64)}.example`, false],
  ["a..example", false],
  ["", false],
] as const) {
  test(`'${name}' is ${is ? "a" : "no"} name for the DNS`, () => {
    assert.equal(isDnsName(name), is);
  });
}
