/**
 * Reports as a person gets them: `NAME.eml` for each example of reports.ts.
 * `UPDATE_GOLDENS=1` rewrites them; review the diff as code, and read it as a recipient.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { bytesOf, EXAMPLES } from "./reports.ts";

const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

for (const [name, example] of Object.entries(EXAMPLES)) {
  test(`The report ${name}.eml is what a sender is told`, () => {
    const path = new URL(`${name}.eml`, import.meta.url);
    const bytes = Buffer.from(bytesOf(example));
    if (UPDATE) writeFileSync(path, bytes);
    assert.equal(bytes.toString("latin1"), readFileSync(path, "latin1"));
  });
}
