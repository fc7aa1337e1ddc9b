import assert from "node:assert/strict";
import { test } from "node:test";
import { readPage, withTable } from "./tls-levels.ts";

test("docs/tls.md says what the levels come to in the library that runs here", async () => {
  const page = readPage();
  assert.equal(page, await withTable(page), "run bin/node tools/tls-levels.ts");
});
