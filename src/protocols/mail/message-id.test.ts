import assert from "node:assert/strict";
import { test } from "node:test";
import { findMessageId } from "./message-id.ts";

const CASES: readonly (readonly [what: string, text: string, id: string])[] = [
  ["the usual one", "Subject: a\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n", "<a@b>"],
  ["in any case of letters", "MESSAGE-id:<a@b>\r\n\r\n", "<a@b>"],
  ["folded before the id", "Message-ID:\r\n <a@b>\r\nTo: c\r\n\r\n", "<a@b>"],
  ["with spaces around it", "Message-ID: \t<a@b>  \r\n\r\n", "<a@b>"],
  ["not in the body", "Subject: a\r\n\r\nMessage-ID: <a@b>\r\n", ""],
  ["not in another field", "X-Message-ID: <a@b>\r\n\r\n", ""],
  ["not without brackets", "Message-ID: a@b\r\n\r\n", ""],
  ["not with a control character", "Message-ID: <a\u001b[31m@b>\r\n\r\n", ""],
  ["not where the header is cut", "Message-ID: <a@b>", ""],
  ["the first that is one", "Message-ID: x\r\nMessage-ID: <a@b>\r\n\r\n", "<a@b>"],
  ["not one that goes on for ever", `Message-ID: <${"a".repeat(4000)}>\r\n\r\n`, ""],
  ["not in nothing", "", ""],
];

for (const [what, text, id] of CASES) {
  test(`a Message-ID is found: ${what}`, () => {
    assert.equal(findMessageId(Buffer.from(text)), id);
  });
}
