import assert from "node:assert/strict";
import { test } from "node:test";
import { decisionFaults } from "./check-decisions.ts";

const INDEX = "[1](0001-journal.md) [2](0002-frames.md)";

test("the decision check accepts numbers without gaps, all in the index", () => {
  assert.deepEqual(decisionFaults(["0001-journal.md", "0002-frames.md"], INDEX), []);
});

test("the decision check names a number used twice", () => {
  const files = ["0001-journal.md", "0001-frames.md"];
  assert.deepEqual(decisionFaults(files, "](0001-journal.md) ](0001-frames.md)"), [
    "0001-frames.md: has the number of 0001-journal.md",
  ]);
});

test("the decision check names a gap, a strange name and a record outside the index", () => {
  assert.deepEqual(decisionFaults(["0002-frames.md", "notes.md"], INDEX), [
    "notes.md: is not named NNNN-subject.md",
    "notes.md: is not in the index",
    "0001: is missing",
  ]);
});
