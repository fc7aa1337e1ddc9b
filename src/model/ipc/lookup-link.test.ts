import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { MAX_TOKEN_BYTES } from "#protocols/sasl/bearer.ts";
import { MAX_PASSWORD_BYTES, MAX_USER_BYTES } from "#protocols/sasl/sasl-text.ts";
import {
  type LookupAnswer,
  lookupMessageCodec,
  type LookupQuestion,
  lookupQuestionCodec,
} from "./lookup-link.ts";

const USER = "ü".repeat(MAX_USER_BYTES / 2);
const BYTES = new Uint8Array(32).fill(7);

test("questions of sessions that authenticate read as they were written, the longest too", () => {
  for (const question of [
    { kind: "password", user: USER, password: "p".repeat(MAX_PASSWORD_BYTES) },
    { kind: "salt", user: USER },
    { kind: "proof", user: USER, authMessage: "m".repeat(6000), proof: BYTES },
    { kind: "certificate", user: "ann", fingerprints: [`SHA256:${"a".repeat(64)}`, "SHA256:b"] },
    { kind: "token", user: "", token: "t".repeat(MAX_TOKEN_BYTES) },
  ] as const) {
    for (const source of [
      { kind: "table", name: "logins" },
      { kind: "system" },
      { kind: "oauth", name: "corp" },
    ] as const) {
      const attempt = { source, address: "2001:db8::1", question };
      const asked: LookupQuestion = { kind: "auth", request: 7, attempt };
      const read = decode(lookupQuestionCodec, encode(lookupQuestionCodec, asked));
      assert.deepEqual(read, { kind: "decoded", value: asked });
    }
  }
});

test("so do the answers", () => {
  for (const answer of [
    { kind: "accepted", user: USER, signature: BYTES },
    { kind: "salt", salt: BYTES, iterations: 4096 },
    { kind: "refused" },
    { kind: "unavailable" },
  ] as const) {
    const told: LookupAnswer = { kind: "auth", request: 7, answer };
    const read = decode(lookupMessageCodec, encode(lookupMessageCodec, told));
    assert.deepEqual(read, { kind: "decoded", value: told });
  }
});
