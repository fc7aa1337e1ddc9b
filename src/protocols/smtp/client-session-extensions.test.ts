import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExtensions } from "./client-session-extensions.ts";

for (const [line, limit] of [
  ["HELP", undefined],
  ["LIMITS", undefined],
  ["LIMITS RCPTMAX=1000", 1000],
  ["limits MAILMAX=5 rcptmax=20 RCPTMAX=30", 20],
  ["LIMITS RCPTDOMAINMAX=5", undefined],
  ["LIMITS RCPTMAX=0", undefined],
  ["LIMITS RCPTMAX=1234567", undefined],
  ["LIMITS RCPTMAX=", undefined],
] as const) {
  test(`server that says '${line}' takes ${limit ?? "any number of"} recipients at once`, () => {
    const reply = { code: 250, lines: ["mx.example", line] };
    assert.equal(parseExtensions(reply).maxRecipients, limit);
  });
}
