import assert from "node:assert/strict";
import { test } from "node:test";
import { accountName } from "./account-name.ts";

test("the account is the local part in lower case, without its tag", () => {
  assert.deepEqual(
    ["Bob", "bob+tag", "bob+a+b", "+tag", "bob"].map((localPart) => accountName(localPart, "+")),
    ["bob", "bob", "bob", "", "bob"],
  );
});

test("a quoted local part is never cut within its quotes", () => {
  const localPart = '"a> SIZE=1+b"';
  assert.equal(accountName(localPart, "+"), '"a> size=1+b"');
});
