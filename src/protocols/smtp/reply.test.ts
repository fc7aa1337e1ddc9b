import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatReply, replyLine } from "./reply.ts";

test("reply of one line has code, enhanced code and text", () => {
  assert.equal(formatReply({ code: 250, enhanced: "2.1.5", text: "Ok" }), "250 2.1.5 Ok\r\n");
});

test("reply of several lines repeats the codes, with a dash until the last", () => {
  const reply = { code: 214, enhanced: "2.0.0", text: ["one", "two"] };
  assert.equal(formatReply(reply), "214-2.0.0 one\r\n214 2.0.0 two\r\n");
  assert.equal(replyLine(reply), "214 2.0.0 one / two");
});

test("reply never has a line that its text made, and no line over 512 octets", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
      const wire = formatReply({ code: 550, enhanced: "5.1.1", text: `${text}\r\n250 Ok` });
      assert.match(wire, /^550 5\.1\.1 [ -~]*\r\n$/);
      assert.ok(wire.length <= 512, `${wire.length} octets`);
    }),
  );
});
