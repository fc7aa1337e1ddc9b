/** The decoder of DATA: the same text at every split, and the encoder's own text comes back. */
import assert from "node:assert/strict";
import { DataDecoder } from "#protocols/smtp/data-decoder.ts";
import { DataEncoder } from "#protocols/smtp/data-encoder.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

export const data: FuzzTarget = {
  name: "data",
  words: [".", "\r\n.\r\n", "\r\n..", "\n.\n", "\r.\r", "\r\n", "\0"],
  seeds: () => ["a\r\n.\r\n", "..\r\n.\r\nQUIT\r\n", "a\n.\nb\r\n.\r\n"],
  run: (input) => {
    const whole = decoded([input]);
    for (const size of sizesFor(input))
      assert.deepEqual(decoded(piecesOf(input, size)), whole, `pieces of ${size}`);
    const encoder = new DataEncoder();
    const wire = Buffer.concat([encoder.push(input), encoder.end()]);
    const back = decoded([wire]);
    assert.deepEqual([back.isDone, back.end, back.isBare], [true, wire.length, false]);
  },
};

interface Decoded {
  readonly text: string;
  readonly end: number;
  readonly isDone: boolean;
  readonly isBare: boolean;
  readonly hasNul: boolean;
}

function decoded(pieces: readonly Buffer[]): Decoded {
  const decoder = new DataDecoder();
  let text = "";
  let end = 0;
  for (const piece of pieces) {
    text += Buffer.from(decoder.push(piece, 0)).toString("latin1");
    end += decoder.end;
    if (decoder.done) break;
  }
  const { done: isDone, sawBareNewline: isBare, sawNul: hasNul } = decoder;
  return { text, end, isDone, isBare, hasNul };
}
