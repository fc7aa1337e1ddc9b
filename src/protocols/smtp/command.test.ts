import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseCommand } from "./command.ts";
import { formatReply } from "./reply.ts";

const CASES = [
  { line: "EHLO a.example", command: { verb: "EHLO", domain: "a.example" } },
  { line: "noop whatever", command: { verb: "NOOP" } },
  {
    line: "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME",
    command: { verb: "MAIL", reversePath: "a@b.example", sizeBytes: 10, is8bit: true },
  },
  { line: "mail from:<>", command: { verb: "MAIL", reversePath: "", sizeBytes: 0, is8bit: false } },
  { line: "RCPT TO:<a>", command: { verb: "RCPT", forwardPath: "a@mx.example" } },
  { line: 'RCPT TO:<"a"@b.example>', command: { verb: "RCPT", forwardPath: "a@b.example" } },
] as const;

for (const c of CASES) {
  test(`command "${c.line}" is read`, () => {
    assert.deepEqual(parseCommand(c.line, "mx.example"), c.command);
  });
}

test("command parsing never throws, and refuses with printable replies that have an enhanced code", () => {
  const words = fc.constantFrom(
    "MAIL FROM:",
    "RCPT TO:",
    "EHLO ",
    "<",
    ">",
    "@",
    '"',
    "\\",
    " SIZE=",
    "a",
    "[",
    "]",
    ":",
    ".",
  );
  const noise = fc
    .string({ unit: "binary", maxLength: 3 })
    .map((text) => text.replace(/[^\0-\xff]/g, "\xff"));
  fc.assert(
    fc.property(fc.array(fc.oneof(words, noise), { maxLength: 12 }), (parts) => {
      const command = parseCommand(parts.join(""), "mx.example");
      if (!("code" in command)) return;
      assert.match(command.enhanced ?? "", /^5\.\d\.\d$/);
      assert.match(formatReply(command), /^5\d\d [ -~]+\r\n$/);
    }),
    { numRuns: 2000 },
  );
});
