import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CR, DOT, LF } from "#base/ascii.ts";
import { DataDecoder } from "./data-decoder.ts";

// The table is the specification: it says what happens to each byte in each state.

type State = "line-start" | "dot" | "dot-cr" | "text" | "cr" | "done";
type Step = readonly [next: State, emit: "none" | "byte" | "cr+byte", bare?: "bare"];

/** Each state's row, by the byte that arrives: [".", CR, LF, any other]. */
// biome-ignore format: the columns are the documentation
const TABLE: Readonly<Record<Exclude<State, "done">, readonly [Step, Step, Step, Step]>> = {
  "line-start": [["dot", "none"],             ["cr", "byte"],            ["text", "byte", "bare"], ["text", "byte"]],
  "dot":        [["text", "byte"],            ["dot-cr", "none"],        ["text", "byte", "bare"], ["text", "byte"]],
  "dot-cr":     [["text", "cr+byte", "bare"], ["cr", "cr+byte", "bare"], ["done", "none"],         ["text", "cr+byte", "bare"]],
  "text":       [["text", "byte"],            ["cr", "byte"],            ["text", "byte", "bare"], ["text", "byte"]],
  "cr":         [["text", "byte", "bare"],    ["cr", "byte", "bare"],    ["line-start", "byte"],   ["text", "byte", "bare"]],
};

interface Decoded {
  readonly text: string;
  readonly rest: string;
  readonly bare: boolean;
  readonly done: boolean;
}

/** Decodes byte by byte, as the table says. */
function decodeByTable(wire: Buffer): Decoded {
  let state: State = "line-start";
  let bare = false;
  const text: number[] = [];
  let at = 0;
  while (at < wire.length && state !== "done") {
    const byte = wire[at++] ?? 0;
    const column = byte === DOT ? 0 : byte === CR ? 1 : byte === LF ? 2 : 3;
    const [next, emit, isBare]: Step = TABLE[state][column];
    if (emit === "cr+byte") text.push(CR);
    if (emit !== "none") text.push(byte);
    if (isBare) bare = true;
    state = next;
  }
  return {
    text: Buffer.from(text).toString("latin1"),
    rest: wire.toString("latin1", at),
    bare,
    done: state === "done",
  };
}

/** Decodes with the production decoder, in pieces of `size` bytes. */
function decode(wire: Buffer, size: number): Decoded {
  const decoder = new DataDecoder();
  let text = "";
  let at = 0;
  while (at < wire.length && !decoder.done) {
    const piece = wire.subarray(at, at + size);
    text += Buffer.from(decoder.push(piece, 0)).toString("latin1");
    at += decoder.end;
  }
  const rest = wire.toString("latin1", at);
  return { text, rest, bare: decoder.sawBareNewline, done: decoder.done };
}

interface Case {
  readonly name: string;
  readonly wire: string;
  readonly text: string;
  readonly rest?: string;
  readonly bare?: true;
  readonly open?: true;
}

const CASES: readonly Case[] = [
  { name: "ends at CRLF . CRLF", wire: "hi\r\n.\r\n", text: "hi\r\n" },
  { name: "accepts an empty message", wire: ".\r\n", text: "" },
  { name: "drops one stuffed dot", wire: "..\r\n.a\r\n.\r\n", text: ".\r\na\r\n" },
  { name: "leaves a dot inside a line alone", wire: "a.b\r\n.\r\n", text: "a.b\r\n" },
  {
    name: "hands back pipelined commands",
    wire: "x\r\n.\r\nQUIT\r\n",
    text: "x\r\n",
    rest: "QUIT\r\n",
  },
  { name: "waits for more after CRLF . CR", wire: "x\r\n.\r", text: "x\r\n", open: true },
  { name: "keeps empty lines", wire: "\r\n\r\n.\r\n", text: "\r\n\r\n" },
  // SMTP smuggling: each ends the message on some server, none may end it here.
  { name: "is not ended by LF . LF", wire: "x\n.\n\r\n.\r\n", text: "x\n.\n\r\n", bare: true },
  { name: "is not ended by LF . CRLF", wire: "x\n.\r\n.\r\n", text: "x\n.\r\n", bare: true },
  { name: "is not ended by CR . CR", wire: "x\r.\r\r\n.\r\n", text: "x\r.\r\r\n", bare: true },
  {
    name: "is not ended by CRLF . LF",
    wire: "x\r\n.\ny\r\n.\r\n",
    text: "x\r\n\ny\r\n",
    bare: true,
  },
  {
    name: "is not ended by CRLF . CR CRLF",
    wire: "x\r\n.\r\r\n.\r\n",
    text: "x\r\n\r\r\n",
    bare: true,
  },
];

for (const c of CASES) {
  test(`DATA ${c.name}, wherever the bytes are split`, () => {
    const wire = Buffer.from(c.wire, "latin1");
    const expected = { text: c.text, rest: c.rest ?? "", bare: c.bare ?? false, done: !c.open };
    assert.deepEqual(decodeByTable(wire), expected, "the table");
    for (let size = 1; size <= wire.length; size++)
      assert.deepEqual(decode(wire, size), expected, `pieces of ${size} bytes`);
  });
}

test("DATA is decoded as the table says, whatever the bytes and the pieces are", () => {
  const byte = fc.constantFrom(CR, LF, DOT, 0x61);
  const piece = fc.oneof(
    { weight: 1, arbitrary: byte.map((one) => [one]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom([CR, LF], [CR, LF, DOT], [CR, LF, DOT, CR], [0x61, CR, LF]),
    },
  );
  const wires = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.flat()));
  fc.assert(
    fc.property(wires, fc.integer({ min: 1, max: 20 }), (wire, size) => {
      assert.deepEqual(decode(wire, size), decodeByTable(wire));
    }),
    { numRuns: 3000 },
  );
});

test("DATA text without stuffed dots is a view of the input, not a copy", () => {
  const wire = Buffer.from("one\r\ntwo\r\n.\r\n");
  const text = new DataDecoder().push(wire, 0);
  assert.ok(text.buffer === wire.buffer, "the text is in the memory of the input");
});

test("DATA notices a NUL in the text, and none behind its end", () => {
  const inside = new DataDecoder();
  inside.push(Buffer.from("a\0b\r\n.\r\n"), 0);
  const behind = new DataDecoder();
  behind.push(Buffer.from("ab\r\n.\r\nNOOP\0\r\n"), 0);
  assert.deepEqual([inside.sawNul, behind.sawNul], [true, false]);
});

test("DATA in a chunk that begins with commands is decoded from its own start", () => {
  const wire = Buffer.from("DATA\r\n.\rx\r\n.\r\nQUIT\r\n");
  const decoder = new DataDecoder();
  const text = Buffer.from(decoder.push(wire, 6)).toString();
  assert.deepEqual([text, wire.toString("latin1", decoder.end)], ["\rx\r\n", "QUIT\r\n"]);
});

test("DATA of CR alone or LF alone is looked through once, not once for each of them", () => {
  for (const unit of ["\n", "\r", "x\n", "x\r", ".\r", "\r\n.\r", "\r\n", "..\r\n"]) {
    const whole = Buffer.from(unit.repeat(10_000), "latin1");
    const input = Buffer.from(whole);
    let lookedAt = 0;
    Object.assign(input, {
      indexOf: (byte: number, from: number): number => {
        const at = whole.indexOf(byte, from);
        lookedAt += (at < 0 ? input.length : at + 1) - from;
        return at;
      },
    });
    new DataDecoder().push(input, 0);
    assert.ok(lookedAt <= 3 * input.length, `${JSON.stringify(unit)}: ${lookedAt} octets`);
  }
});
