import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MAX_EXPLAINED_STEPS, MAX_EXPLAINED_TEXT_BYTES } from "#model/explanation.ts";
import type { Reason } from "#model/reason.ts";
import { newStepRoom, StepCollector, withShortTexts } from "./step-collector.ts";

function step(text: string): Reason {
  return { kind: "ignored", parent: 0, text, why: "it was there before" };
}

test("steps are kept in their order, and what does not fit is counted", () => {
  const collector = new StepCollector(newStepRoom());
  for (let n = 0; n < MAX_EXPLAINED_STEPS + 7; n++) collector.tell(step(String(n)));
  assert.equal(collector.steps.length, MAX_EXPLAINED_STEPS);
  assert.deepEqual(collector.steps[3], step("3"));
  assert.equal(collector.leftOut, 7);
});

test("recipients share the room, and nothing follows a step that was left out", () => {
  const room = newStepRoom();
  const first = new StepCollector(room);
  while (first.leftOut === 0) first.tell(step("x".repeat(MAX_EXPLAINED_TEXT_BYTES)));
  const kept = first.steps.length;
  assert.ok(kept < MAX_EXPLAINED_STEPS, String(kept));
  first.tell(step("short"));
  assert.equal(first.steps.length, kept);
  const second = new StepCollector(room);
  for (let n = 0; n < 10; n++) second.tell(step("x".repeat(MAX_EXPLAINED_TEXT_BYTES)));
  assert.equal(second.leftOut, 10);
});

test("texts are cut between characters, and short ones stay", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 1000 }), (text) => {
      const [short] = withShortTexts([text]);
      assert.ok(short !== undefined);
      assert.ok(Buffer.byteLength(short) <= MAX_EXPLAINED_TEXT_BYTES);
      if (Buffer.byteLength(text) <= MAX_EXPLAINED_TEXT_BYTES) assert.equal(short, text);
      else assert.ok(short.endsWith("...") && text.startsWith(short.slice(0, -3)), short);
    }),
  );
});
