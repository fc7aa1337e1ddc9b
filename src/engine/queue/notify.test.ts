import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotifyWord } from "#model/envelope.ts";
import { type Verdict, wantsNotice } from "./verdict.ts";

const CASES: readonly (readonly [notify: readonly NotifyWord[] | undefined, told: boolean])[] = [
  [undefined, true],
  [["failure", "delay"], true],
  [["success"], false],
  [["never"], false],
];

for (const [notify, told] of CASES) {
  test(`A sender that said ${notify?.join(",") ?? "nothing"} ${told ? "is" : "is not"} told of a failure`, () => {
    const terms = { notify, originalRecipient: "" };
    // Nothing else is looked at.
    const verdict = { kind: "failed", ended: { record: { terms } } } as unknown as Verdict;
    assert.equal(wantsNotice(verdict), told);
  });
}
