import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchedOutput } from "./batched-output.ts";

function recorded(): { readonly output: BatchedOutput; readonly pieces: string[] } {
  const pieces: string[] = [];
  return { output: new BatchedOutput((piece) => pieces.push(String(piece))), pieces };
}

test("What is printed in one turn leaves together, and at the end of the turn", async () => {
  const { output, pieces } = recorded();
  output.print("a\n");
  output.print("b\n");
  assert.deepEqual(pieces, []);
  await Promise.resolve();
  output.print("c\n");
  await Promise.resolve();
  assert.deepEqual(pieces, ["a\nb\n", "c\n"]);
});

test("A turn that prints much does not hold it all", () => {
  const { output, pieces } = recorded();
  for (let at = 0; at < 100; at++) output.print("x".repeat(1000));
  output.flush();
  assert.deepEqual([pieces.length, pieces.join("").length], [2, 100_000]);
});

test("Octets stay in their place among texts", () => {
  const { output, pieces } = recorded();
  output.print("before ");
  output.print(Buffer.from("octets"));
  output.print(" behind");
  output.flush();
  output.flush();
  assert.deepEqual(pieces, ["before ", "octets", " behind"]);
});
