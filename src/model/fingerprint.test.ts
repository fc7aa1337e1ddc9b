import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseFingerprint } from "./fingerprint.ts";

const DIGEST = createHash("sha256").update("certificate").digest();
const HEX = DIGEST.toString("hex");
const PAIRS = HEX.match(/../gu) ?? [];

const SAME: readonly string[] = [
  `SHA256:${HEX}`,
  `sha256:${HEX.toUpperCase()}`,
  HEX,
  PAIRS.join(":").toUpperCase(),
  `SHA256:${PAIRS.join(":")}`,
  `SHA256:${DIGEST.toString("base64")}`,
  `SHA256:${DIGEST.toString("base64").replace("=", "")}`,
];

const NONE: readonly string[] = [
  "",
  "SHA256:",
  `SHA1:${HEX}`,
  HEX.slice(1),
  `${HEX}0`,
  PAIRS.slice(1).join(":"),
  DIGEST.toString("base64"),
  "mx.example.org",
];

for (const text of SAME) {
  test(`fingerprint is read as ${text}`, () =>
    assert.equal(parseFingerprint(text), `sha256:${HEX}`));
}

test("what is no SHA-256 is no fingerprint", () => {
  for (const text of NONE) assert.equal(parseFingerprint(text), undefined, text);
});
