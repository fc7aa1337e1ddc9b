import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_QUEUE_KEYS, parseQueueKeys } from "./queue-key-text.ts";

const NEW = "0123456789abcdef0123456789abcdef";
const OLD = "fedcba9876543210fedcba9876543210";

const TEXTS: readonly (readonly [what: string, text: string, meaning: unknown])[] = [
  ["one key", NEW, [NEW]],
  ["a new key before the old one", `# since May\n${NEW}\n\n ${OLD}\r\n`, [NEW, OLD]],
  ["encryption that ends", `none\n${OLD}\n`, [undefined, OLD]],
  ["nothing", "# no key yet\n", "there is no key"],
  ["a key that is too short", `${NEW}\n${OLD.slice(1)}\n`, "line 2: a queue key has 32 characters"],
  ["'none' behind a key", `${NEW}\nnone\n`, "line 2: a queue key has 32 characters"],
  ["too many", `${NEW}\n`.repeat(MAX_QUEUE_KEYS + 1), `more than ${MAX_QUEUE_KEYS} keys`],
];

for (const [what, text, meaning] of TEXTS) {
  test(`a file of queue keys with ${what}`, () => {
    assert.deepEqual(parseQueueKeys(text), meaning);
  });
}
