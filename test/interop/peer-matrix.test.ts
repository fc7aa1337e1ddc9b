/** The page on mail servers of other people shows what the tests go through, and no more. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { formatMatrix } from "./peer-matrix.ts";

const UPDATE = process.env["UPDATE_GOLDENS"] === "1";
const PAGE = new URL("../../docs/interop.md", import.meta.url);
const MATRIX = /(?<=<!-- matrix -->\n\n)[^]*(?=\n\n<!-- end of matrix -->)/u;

test("docs/interop.md has the matrix of the tests", () => {
  const page = readFileSync(PAGE, "utf8");
  if (UPDATE)
    writeFileSync(
      PAGE,
      page.replace(MATRIX, () => formatMatrix()),
    );
  else assert.equal(MATRIX.exec(page)?.[0], formatMatrix());
});
