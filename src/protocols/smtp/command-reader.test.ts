import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  CommandReader,
  type LongLines,
  MAX_AUTH_LINE_BYTES,
  MAX_COMMAND_BYTES,
} from "./command-reader.ts";

/** The lines of `wire` sent in pieces of `size` bytes; faults as `(why)`. */
function lines(wire: string, size: number, longLines: LongLines = "none"): readonly string[] {
  const reader = new CommandReader();
  const bytes = Buffer.from(wire, "latin1");
  const read: string[] = [];
  for (let from = 0; from < bytes.length; from += size) {
    const piece = bytes.subarray(from, from + size);
    let at = 0;
    while (at < piece.length) {
      const line = reader.read(piece, at, longLines);
      if (line === undefined) break;
      read.push(typeof line === "string" ? line : `(${line.why})`);
      if (typeof line !== "string" && line.why !== "bare-newline") return read;
      at = reader.end;
    }
  }
  return read;
}

const LONGEST = "a".repeat(MAX_COMMAND_BYTES - 2);

const CASES = [
  { name: "end at CRLF", wire: "NOOP\r\nQUIT\r\n", lines: ["NOOP", "QUIT"] },
  { name: "may be empty", wire: "\r\n\r\n", lines: ["", ""] },
  {
    name: "are not ended by LF",
    wire: "NOOP\nRSET\r\nQUIT\r\n",
    lines: ["(bare-newline)", "QUIT"],
  },
  {
    name: "are not ended by CR",
    wire: "NOOP\rRSET\r\nQUIT\r\n",
    lines: ["(bare-newline)", "QUIT"],
  },
  { name: "may not end in CR CRLF", wire: "NOOP\r\r\nQUIT\r\n", lines: ["(bare-newline)", "QUIT"] },
  { name: "keep every octet", wire: "a\0\xff\t\r\n", lines: ["a\0\xff\t"] },
  { name: "begin with no binary octet", wire: "NOOP\r\n\x16\x03\r\n", lines: ["NOOP", "(binary)"] },
  { name: "wait for their end", wire: "NOOP\r\nQUI", lines: ["NOOP"] },
  { name: "have a longest", wire: `${LONGEST}\r\nQUIT\r\n`, lines: [LONGEST, "QUIT"] },
  { name: "may not be longer", wire: `a${LONGEST}\r\nQUIT\r\n`, lines: ["(too-long)"] },
] as const;

for (const c of CASES) {
  test(`command lines ${c.name}, wherever the bytes are split`, () => {
    for (const size of [1, 2, 3, 5, 7, 2047, 2048, 2049, 5000])
      assert.deepEqual(lines(c.wire, size), c.lines, `pieces of ${size} bytes`);
  });
}

test("command lines do not depend on the split, whatever the bytes are", () => {
  const wires = fc.array(fc.constantFrom("\r", "\n", "\r\n", "a", "\0"), { maxLength: 40 });
  fc.assert(
    fc.property(wires, fc.integer({ min: 1, max: 9 }), (parts, size) => {
      const wire = parts.join("");
      assert.deepEqual(lines(wire, size), lines(wire, wire.length + 1));
    }),
  );
});

const REST = "t".repeat(MAX_AUTH_LINE_BYTES - "AUTH X ".length - 2);
const LONG_AUTH = `AUTH X ${REST}`;
const LONG = "t".repeat(MAX_AUTH_LINE_BYTES - 2);

for (const [name, longLines, wire, expected] of [
  ["AUTH may be long", "auth", `NOOP\r\n${LONG_AUTH}\r\nQUIT\r\n`, ["NOOP", LONG_AUTH, "QUIT"]],
  ["its case does not matter", "auth", `aUtH X ${REST}\r\n`, [`aUtH X ${REST}`]],
  ["it has a longest", "auth", `${LONG_AUTH}t\r\nQUIT\r\n`, ["(too-long)"]],
  ["another command may not", "auth", `a${LONGEST}\r\n`, ["(too-long)"]],
  ["one that begins alike may not", "auth", `AUTHX${"x".repeat(3000)}\r\n`, ["(too-long)"]],
  [
    "behind it a command may not",
    "auth",
    `${LONG_AUTH}\r\na${LONGEST}\r\n`,
    [LONG_AUTH, "(too-long)"],
  ],
  ["a response may be long", "response", `${LONG}\r\n`, [LONG]],
  ["it has a longest too", "response", `t${LONG}\r\n`, ["(too-long)"]],
  ["no LF ends it", "response", `t\n${"t".repeat(5000)}\r\n`, ["(bare-newline)"]],
  ["where no token is taken AUTH may not", "none", `${LONG_AUTH}\r\n`, ["(too-long)"]],
] as const) {
  test(`long lines: ${name}, wherever the bytes are split`, () => {
    for (const size of [1, 3, 5, 7, 2047, 2048, 2049, 12_287, 12_288, 12_289, 30_000])
      assert.deepEqual(lines(wire, size, longLines), expected, `pieces of ${size} bytes`);
  });
}
