import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type InputHead, InputReader, MAX_HEAD_BYTES } from "./input-reader.ts";

interface Read {
  readonly head: InputHead;
  readonly body: string;
  readonly facts: string;
}

function read(pieces: readonly Uint8Array[], dotEnds = false): Read {
  const reader = new InputReader({ dotEnds });
  const out: Uint8Array[] = [];
  for (const piece of pieces) if (!reader.isEnded) out.push(reader.push(piece));
  out.push(reader.end());
  const { is8bit, longestLine, hasOddBytes } = reader.body;
  return {
    head: { ...reader.head, lines: [...reader.head.lines] },
    body: Buffer.concat(out).toString("latin1"),
    facts: `${longestLine}${is8bit ? " 8bit" : ""}${hasOddBytes ? " odd" : ""}`,
  };
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly lines?: readonly string[];
  readonly isOpen?: true;
  readonly body?: string;
  readonly facts?: string;
  readonly dotEnds?: true;
}

const CASES: readonly Case[] = [
  { name: "takes nothing for nothing", text: "", isOpen: true },
  {
    name: "divides head and body",
    text: "A: 1\nB: 2\n\nx\n",
    lines: ["A: 1", "B: 2"],
    body: "x\r\n",
    facts: "1",
  },
  {
    name: "takes CRLF as it is",
    text: "A: 1\r\n\r\nx\r\n",
    lines: ["A: 1"],
    body: "x\r\n",
    facts: "1",
  },
  {
    name: "completes the last line",
    text: "A: 1\n\nxy",
    lines: ["A: 1"],
    body: "xy\r\n",
    facts: "2",
  },
  {
    name: "completes a last line that ends in CR",
    text: "A: 1\n\nxy\r",
    lines: ["A: 1"],
    body: "xy\r\n",
    facts: "2",
  },
  { name: "takes a message that is headers alone", text: "A: 1", lines: ["A: 1"], isOpen: true },
  { name: "keeps folds in the head", text: "A: 1\n 2\n\t3\n\n", lines: ["A: 1", " 2", "\t3"] },
  {
    name: "ends the head at what is no header",
    text: "A: 1\nhello there\n",
    lines: ["A: 1"],
    isOpen: true,
    body: "hello there\r\n",
    facts: "11",
  },
  {
    name: "has no head where the text begins with a space",
    text: " x\nA: 1\n",
    lines: [],
    isOpen: true,
    body: " x\r\nA: 1\r\n",
    facts: "4",
  },
  {
    name: "takes the line of an mbox before the head",
    text: "From a@b Mon Jan  1\nA: 1\n\n",
    lines: ["From a@b Mon Jan  1", "A: 1"],
  },
  { name: "takes spaces before a colon", text: "From : a@b\n\n", lines: ["From : a@b"] },
  {
    name: "ends at a dot",
    text: "A: 1\n\nx\n.\ny\n",
    dotEnds: true,
    lines: ["A: 1"],
    body: "x\r\n",
    facts: "1",
  },
  {
    name: "ends at a dot with CRLF",
    text: "A: 1\n\nx\n.\r\ny\n",
    dotEnds: true,
    lines: ["A: 1"],
    body: "x\r\n",
    facts: "1",
  },
  {
    name: "ends at a dot without a line end",
    text: "A: 1\n\nx\n.",
    dotEnds: true,
    lines: ["A: 1"],
    body: "x\r\n",
    facts: "1",
  },
  {
    name: "ends at a dot in the head",
    text: "A: 1\n.\nB: 2\n",
    dotEnds: true,
    lines: ["A: 1"],
    isOpen: true,
  },
  {
    name: "ends at a dot in the first line",
    text: ".\nx\n",
    dotEnds: true,
    lines: [],
    isOpen: true,
  },
  {
    name: "takes dots as text",
    text: "A: 1\n\n.\n..\n.",
    lines: ["A: 1"],
    body: ".\r\n..\r\n.\r\n",
    facts: "2",
  },
  {
    name: "is not ended by a dot with more",
    text: "\n.x\n. \n..\nx.\n",
    dotEnds: true,
    lines: [],
    body: ".x\r\n. \r\n..\r\nx.\r\n",
    facts: "2",
  },
  { name: "tells a bare CR", text: "\na\rb\n", lines: [], body: "a\rb\r\n", facts: "3 odd" },
  { name: "tells a CR before CRLF", text: "\na\r\r\n", lines: [], body: "a\r\r\n", facts: "2 odd" },
  { name: "tells a NUL", text: "\na\0\n", lines: [], body: "a\0\r\n", facts: "2 odd" },
  {
    name: "tells octets beyond ASCII",
    text: "\n\xe9\n",
    lines: [],
    body: "\xe9\r\n",
    facts: "1 8bit",
  },
];

for (const { name, text, lines = [], isOpen, body = "", facts = "0", dotEnds } of CASES) {
  test(`input reader ${name}`, () => {
    const bytes = Buffer.from(text, "latin1");
    const expected = { head: { lines, isEnded: isOpen !== true }, body, facts };
    assert.deepEqual(read([bytes], dotEnds), expected);
    assert.deepEqual(
      read(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        dotEnds,
      ),
      expected,
    );
  });
}

test("input reader reads the same at every split", () => {
  const token = fc.constantFrom(
    "a",
    ".",
    "\r",
    "\n",
    "\r\n",
    ": ",
    " ",
    "\0",
    "é",
    "From ",
    "\n.\n",
  );
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 30 }),
      fc.nat(),
      fc.nat(),
      fc.boolean(),
      (parts, x, y, dotEnds) => {
        const bytes = Buffer.from(parts.join(""), "utf8");
        const [first = 0, second = 0] = [x, y]
          .map((at) => at % (bytes.length + 1))
          .toSorted((a, b) => a - b);
        const pieces = [
          bytes.subarray(0, first),
          bytes.subarray(first, second),
          bytes.subarray(second),
        ];
        assert.deepEqual(read(pieces, dotEnds), read([bytes], dotEnds));
      },
    ),
  );
});

test("input reader gives back a head that is none, and counts it in the body", () => {
  const reader = new InputReader({ dotEnds: false });
  const body = reader.push(Buffer.from("Note: \xe9\n\nx\n", "latin1"));
  assert.equal(Buffer.from(reader.takeHeadAsBody()).toString("latin1"), "Note: \xe9\r\n\r\n");
  assert.equal(Buffer.from(body).toString("latin1"), "x\r\n");
  assert.deepEqual(reader.body, { is8bit: true, longestLine: 7, hasOddBytes: false });
});

test("input reader gives up a head beyond its bound, in one line or in many", () => {
  for (const piece of [Buffer.alloc(1024 * 1024, "A:"), Buffer.from("A: 1\n".repeat(200_000))]) {
    const reader = new InputReader({ dotEnds: false });
    let bytes = 0;
    for (; !reader.isOverlong; bytes += piece.length) reader.push(piece);
    assert.ok(bytes <= MAX_HEAD_BYTES + piece.length, String(bytes));
    assert.equal(reader.end().length, 0);
  }
});
