/** Answers of issuers about tokens: good, bad or none, never thrown at; a user is one that lines can name. */
import assert from "node:assert/strict";
import { readIntrospection } from "#protocols/oauth/introspection.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const NOW_MS = 1_795_600_000_000;

export const introspection: FuzzTarget = {
  name: "introspection",
  words: [
    '"active":true',
    '"active":false',
    '"username":"',
    '"sub":"',
    '"email":null',
    '"scope":"smtp"',
    '"exp":1e999',
    '"exp":-1',
    "\\u0000",
    "\\r\\n",
    "\\ud800",
    '{"__proto__":',
    "[[[[",
    "\xff",
  ],
  seeds: () => [
    '{"active":true,"username":"ann","scope":"a smtp","exp":1795600100}',
    '{"active":true,"sub":"42","email":"ann@a.example"}',
    '{"active":false}',
    '{"error":"invalid_client"}',
  ],
  run: (input) => {
    for (const scope of ["", "smtp"])
      for (const claim of [undefined, "email", "__proto__"]) {
        const read = readIntrospection(input, { scope, claim }, NOW_MS);
        if (read.kind !== "good") continue;
        assert.doesNotMatch(read.user, /[\0\r\n]/u);
        assert.ok(Buffer.byteLength(read.user) <= 255 && read.user !== "");
        assert.ok(read.untilMs === undefined || read.untilMs > NOW_MS);
      }
  },
};
