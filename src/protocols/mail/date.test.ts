import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDate } from "./date.ts";

test("date is written as RFC 5322 has it", () => {
  const dates = [0, 951_782_400_000, 1_609_750_861_999].map((wallMs) => formatDate(wallMs));
  assert.deepEqual(dates, [
    "Thu, 01 Jan 1970 00:00:00 +0000",
    "Tue, 29 Feb 2000 00:00:00 +0000",
    "Mon, 04 Jan 2021 09:01:01 +0000",
  ]);
});
