import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type CommandRules, parseCommand } from "./command.ts";
import { NOTHING_ASKED } from "./mail-options.ts";
import { NO_RCPT_OPTIONS } from "./rcpt-options.ts";
import { formatReply } from "./reply.ts";

/** With everything that there is. */
const RULES: CommandRules = {
  serverName: "mx.example",
  extensions: {
    dsn: true,
    smtpUtf8: true,
    chunking: true,
    binaryMime: true,
    requireTls: true,
    limits: true,
    mtPriority: true,
    deliverByMinSeconds: 60,
    futureRelease: { maxSeconds: 86_400, untilMs: Date.parse("2026-01-02T00:00:00Z") },
    xclient: false,
    xforward: false,
  },
};
const RCPT = { verb: "RCPT", isAscii: true, options: NO_RCPT_OPTIONS } as const;

const CASES = [
  { line: "EHLO a.example", command: { verb: "EHLO", domain: "a.example" } },
  { line: "noop whatever", command: { verb: "NOOP" } },
  {
    line: "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME",
    command: {
      verb: "MAIL",
      reversePath: "a@b.example",
      options: { ...NOTHING_ASKED, sizeBytes: 10, body: "8bit" },
    },
  },
  { line: "mail from:<>", command: { verb: "MAIL", reversePath: "", options: NOTHING_ASKED } },
  { line: "RCPT TO:<a>", command: { ...RCPT, forwardPath: "a@mx.example" } },
  { line: 'RCPT TO:<"a"@b.example>', command: { ...RCPT, forwardPath: "a@b.example" } },
] as const;

for (const c of CASES) {
  test(`command "${c.line}" is read`, () => {
    assert.deepEqual(parseCommand(c.line, RULES), c.command);
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
      const command = parseCommand(parts.join(""), RULES);
      if (!("code" in command)) return;
      assert.match(command.enhanced ?? "", /^5\.\d\.\d$/);
      assert.match(formatReply(command), /^5\d\d [ -~]+\r\n$/);
    }),
    { numRuns: 2000 },
  );
});
