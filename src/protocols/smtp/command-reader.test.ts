import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CommandReader, MAX_COMMAND_BYTES } from "./command-reader.ts";

/** The lines of `wire` sent in pieces of `size` bytes; faults as `(why)`. */
function lines(wire: string, size: number): readonly string[] {
  const reader = new CommandReader();
  const bytes = Buffer.from(wire, "latin1");
  const read: string[] = [];
  for (let from = 0; from < bytes.length; from += size) {
    const piece = bytes.subarray(from, from + size);
    let at = 0;
    while (at < piece.length) {
      const line = reader.read(piece, at);
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
