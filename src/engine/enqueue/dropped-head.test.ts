import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeDroppedHead,
  encodeDroppedHead,
  encodeTakenFor,
  MAX_HEAD_BYTES,
} from "./dropped-head.ts";
import { MAX_RECIPIENTS, type OutgoingMail } from "./outgoing-mail.ts";

const MAIL: OutgoingMail = {
  reversePath: "ann@example.org",
  forwardPaths: ["bob@example.org", "zoë@example.org"],
  notify: ["failure", "delay"],
  returns: "headers",
  envelopeId: "a+2Bb",
  is8bit: true,
};

function encoded(mail: OutgoingMail): Uint8Array {
  const head = encodeDroppedHead(mail);
  assert.ok(head !== undefined);
  return head;
}

/** With `change` made to the second line. */
function withTerms(change: Readonly<Record<string, unknown>>): Uint8Array {
  const terms = JSON.stringify({ ...MAIL, ...change });
  return Buffer.from(`postrider-mail 1 00000000\n${terms}\n`);
}

test("a head is two lines that a person can read", () => {
  assert.equal(
    Buffer.from(encoded({ ...MAIL, notify: undefined })).toString(),
    [
      "postrider-mail 1 00000000",
      '{"reversePath":"ann@example.org","forwardPaths":["bob@example.org","zoë@example.org"],' +
        '"returns":"headers","envelopeId":"a+2Bb","is8bit":true}',
      "",
    ].join("\n"),
  );
});

test("whatever was written is read back as it was, however much of the text is behind it", () => {
  const path = fc.string({ unit: "binary", minLength: 1 });
  const mails: fc.Arbitrary<OutgoingMail> = fc.record({
    reversePath: fc.string({ unit: "binary" }),
    forwardPaths: fc.array(path, { minLength: 1, maxLength: 20 }),
    notify: fc.constantFrom(undefined, ["never"] as const, ["success", "failure"] as const),
    returns: fc.constantFrom(undefined, "full" as const, "headers" as const),
    envelopeId: fc.constantFrom("", "x+0A"),
    is8bit: fc.boolean(),
  });
  fc.assert(
    fc.property(mails, fc.uint8Array(), (mail, text) => {
      const head = encoded(mail);
      const read = decodeDroppedHead(Buffer.concat([head, text]));
      assert.deepEqual(read, {
        kind: "head",
        mail: { ...mail },
        takenFor: 0,
        bytes: head.length,
      });
    }),
  );
});

test("a head that is cut anywhere is incomplete, and never wrong", () => {
  const head = encoded(MAIL);
  for (let length = 0; length < head.length; length++)
    assert.equal(decodeDroppedHead(head.subarray(0, length)).kind, "incomplete", `${length}`);
});

test("the count is overwritten where it stands, and read back", () => {
  const head = Buffer.from(encoded(MAIL));
  const { at, text } = encodeTakenFor(1);
  head.set(text, at);
  const read = decodeDroppedHead(head);
  assert.deepEqual(read, { kind: "head", mail: MAIL, takenFor: 1, bytes: head.length });
});

test("mail for too many is not written", () => {
  const forwardPaths = Array.from({ length: MAX_RECIPIENTS + 1 }, () => "a@b");
  assert.equal(encodeDroppedHead({ ...MAIL, forwardPaths }), undefined);
  const long = "x".repeat(MAX_HEAD_BYTES);
  assert.equal(encodeDroppedHead({ ...MAIL, forwardPaths: [long] }), undefined);
});

const NOT_OURS = "it does not begin as one of ours";
const UNREADABLE = "its second line cannot be read";

for (const [what, bytes, why] of [
  ["a file of passwords", "root:x:0:0:root:/root:/bin/sh\n", NOT_OURS],
  ["a message", "From: a@b\n\nx\n", NOT_OURS],
  ["a line without an end", "x".repeat(2000), NOT_OURS],
  ["a first line that goes on", "postrider-mail 1 000000000", NOT_OURS],
  ["an empty line", "\n", NOT_OURS],
  ["another version", "postrider-mail 2 00000000\n{}\n", NOT_OURS],
  ["a count that is too long", "postrider-mail 1 000000000\n{}\n", NOT_OURS],
  ["a negative count", "postrider-mail 1 -0000001\n{}\n", NOT_OURS],
  ["CRLF", "postrider-mail 1 00000000\r\n{}\r\n", NOT_OURS],
  ["no JSON", "postrider-mail 1 00000000\n{\n", UNREADABLE],
  ["a second line of nothing", "postrider-mail 1 00000000\n\n", UNREADABLE],
  ["null", "postrider-mail 1 00000000\nnull\n", UNREADABLE],
  ["a list", "postrider-mail 1 00000000\n[]\n", UNREADABLE],
  ["no UTF-8", Buffer.from("postrider-mail 1 00000000\n\xff\n", "latin1"), UNREADABLE],
  ["depth without end", `postrider-mail 1 00000000\n${"[".repeat(100_000)}\n`, UNREADABLE],
  ["no recipients", withTerms({ forwardPaths: [] }), UNREADABLE],
  ["an empty recipient", withTerms({ forwardPaths: [""] }), UNREADABLE],
  ["a recipient that is a number", withTerms({ forwardPaths: [1] }), UNREADABLE],
  ["recipients that are a text", withTerms({ forwardPaths: "a@b" }), UNREADABLE],
  ["no sender", withTerms({ reversePath: undefined }), UNREADABLE],
  ["a command behind the envelope id", withTerms({ envelopeId: "x\r\nRSET" }), UNREADABLE],
  ["a notice that nobody knows", withTerms({ notify: ["failure\r\n"] }), UNREADABLE],
  ["a list of no notices", withTerms({ notify: [] }), UNREADABLE],
  ["another return", withTerms({ returns: "FULL SIZE=0" }), UNREADABLE],
  ["a count beyond its recipients", "postrider-mail 1 00000002\n", undefined],
] as const) {
  test(`${what}: no head`, () => {
    const start = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const read = decodeDroppedHead(
      why === undefined ? Buffer.concat([start, encoded(MAIL).subarray(start.length)]) : start,
    );
    assert.deepEqual(read, { kind: "wrong", why: why ?? "it is for nobody any more" });
  });
}

test("a second line that never ends is not read for ever", () => {
  const start = Buffer.alloc(MAX_HEAD_BYTES, "x");
  start.write("postrider-mail 1 00000000\n");
  assert.deepEqual(decodeDroppedHead(start), { kind: "wrong", why: "its second line is too long" });
});
