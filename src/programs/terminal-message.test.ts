import assert from "node:assert/strict";
import { test } from "node:test";
import { TerminalMessage } from "./terminal-message.ts";

const MESSAGE = Buffer.concat([
  Buffer.from("Subject: Grüße\u001b]0;owned\u0007\r\n\r\n\ta\\b\rc\u202e\r\n"),
  Buffer.from([0xff, 0x0a, 0x0d]),
]);
const SHOWN = "Subject: Grüße\\033]0;owned\\007\n\n\ta\\b\\rc\\342\\200\\256\n\ufffd\n\\r";

test("a message on a terminal keeps its lines and loses its controls, at every split", () => {
  for (let at = 0; at <= MESSAGE.length; at++) {
    const message = new TerminalMessage();
    const shown =
      message.push(MESSAGE.subarray(0, at)) + message.push(MESSAGE.subarray(at)) + message.end();
    assert.equal(shown, SHOWN, `split at ${at}`);
  }
});
