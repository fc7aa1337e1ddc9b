import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import { messageOf, textOf } from "#test/support/deliveries.ts";
import {
  MAX_RETURNED_HEADER_BYTES,
  MAX_RETURNED_MESSAGE_BYTES,
  type Original,
  readOriginal,
} from "./original.ts";

function original(text: MessageText, wanted: "header" | "whole" = "header"): Promise<Original> {
  return readOriginal(messageOf(text), text, wanted);
}

const HEADERS: readonly (readonly [name: string, text: string, header: string])[] = [
  ["ends at the first empty line", "A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "A: 1\r\nB: 2\r\n"],
  ["is empty when the text begins with an empty line", "\r\nbody", ""],
  ["may be the whole text", "A: 1\r\n", "A: 1\r\n"],
  ["is cut at a line's end", `A: 1\r\nB: ${"x".repeat(MAX_RETURNED_HEADER_BYTES)}\r\n`, "A: 1\r\n"],
  ["is left out when it is one endless line", "x".repeat(2 * MAX_RETURNED_HEADER_BYTES), ""],
];

for (const [name, text, header] of HEADERS) {
  test(`The returned header ${name}`, async () => {
    for (const pieces of [1, 3, 7]) {
      const { returned } = await original(textOf(text, pieces));
      assert.ok(returned.kind === "header", returned.kind);
      assert.equal(Buffer.from(returned.header).toString("latin1"), header);
      assert.equal(returned.instead, "");
    }
  });
}

const WHOLE: readonly (readonly [name: string, text: string, returned: string])[] = [
  ["in ASCII comes back as it is", "A: 1\r\n\r\nbody\r\n", "message 7bit"],
  ["with 8-bit text comes back as that", "A: 1\r\n\r\ncaf\u00e9\r\n", "message 8bit"],
  ["that is no text leaves its header", "A: 1\r\n\r\n\u0000\r\n", "header not-text"],
  ["with an endless line leaves its header", `A: 1\r\n\r\n${"x".repeat(999)}`, "header not-text"],
  [
    "that is too large leaves its header",
    `A: 1\r\n\r\n${"x\r\n".repeat(MAX_RETURNED_MESSAGE_BYTES / 3)}`,
    "header too-large",
  ],
];

for (const [name, text, expected] of WHOLE) {
  test(`A message ${name}`, async () => {
    const { returned } = await original(textOf(text, 5), "whole");
    const found =
      returned.kind === "message"
        ? `message ${returned.is8bit ? "8bit" : "7bit"}`
        : `header ${returned.instead}`;
    assert.equal(found, expected);
  });
}

test("A text that cannot be read gives nothing back", async () => {
  const unreadable: MessageText = {
    bytes: 1,
    chunks: () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new FilesError("EIO", "Cannot read: disk error")),
      }),
    }),
  };
  const { returned, messageId } = await original(unreadable, "whole");
  assert.deepEqual(returned, {
    kind: "header",
    header: new Uint8Array(0),
    utf8: false,
    instead: "unreadable",
  });
  assert.equal(messageId, "");
});

const IDS: readonly (readonly [header: string, id: string])[] = [
  ["Message-ID: <a.1@x.example>\r\n", "<a.1@x.example>"],
  ["MESSAGE-id:\r\n <a.1@x.example>\r\n", "<a.1@x.example>"],
  ["X-Message-ID: <a@x>\r\n", ""],
  ["Message-ID: <a@x> <b@x>\r\n", ""],
  ["Message-ID: <a@x>\u001b[2J\r\n", ""],
  [`Message-ID: <${"a".repeat(300)}@x>\r\n`, ""],
];

for (const [header, id] of IDS) {
  test(`The id of ${JSON.stringify(header.slice(0, 40))} is "${id}"`, async () => {
    assert.equal((await original(textOf(`${header}\r\n`))).messageId, id);
  });
}
