import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type CommandRules, parseCommand } from "./command.ts";
import { NOTHING_ASKED } from "./mail-options.ts";
import { NO_RCPT_OPTIONS } from "./rcpt-options.ts";
import { formatReply } from "./reply.ts";
import { BAD_PARAMETER } from "./status.ts";

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

const MOMENTS = [
  ["2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"],
  ["2024-02-29T23:59:59.25-05:30", "2024-03-01T05:29:59.250Z"],
  ["2025-11-31T00:00:00Z", undefined],
  ["2025-02-29T00:00:00Z", undefined],
  ["2025-04-31T00:00:00+01:00", undefined],
  ["2025-13-01T00:00:00Z", undefined],
  ["2025-00-10T00:00:00Z", undefined],
  ["2025-01-00T00:00:00Z", undefined],
  ["2025-01-01T24:00:00Z", undefined],
  ["2025-01-01T00:60:00Z", undefined],
  ["2025-01-01T00:00:60Z", undefined],
  ["2025-01-01T00:00:00+24:00", undefined],
  ["1969-12-31T23:59:59Z", undefined],
] as const;

for (const [written, moment] of MOMENTS) {
  test(`HOLDUNTIL=${written} is ${moment ?? "no moment"}`, () => {
    const command = parseCommand(`MAIL FROM:<a@b.example> HOLDUNTIL=${written}`, RULES);
    if (moment === undefined) assert.deepEqual(command, BAD_PARAMETER);
    else {
      const hold = { kind: "until", atMs: Date.parse(moment) } as const;
      const options = { ...NOTHING_ASKED, hold };
      assert.deepEqual(command, { verb: "MAIL", reversePath: "a@b.example", options });
    }
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
