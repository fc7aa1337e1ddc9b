/** Command lines: the same lines at every split, and each a command or a reply that can be sent. */
import assert from "node:assert/strict";
import { parseCommand } from "#protocols/smtp/command.ts";
import {
  CommandReader,
  MAX_AUTH_LINE_BYTES,
  MAX_COMMAND_BYTES,
} from "#protocols/smtp/command-reader.ts";
import { EVERY_EXTENSION } from "#fuzz/every-extension.ts";
import { formatReply } from "#protocols/smtp/reply.ts";
import { NO_EXTENSIONS } from "#protocols/smtp/extensions.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

export const COMMAND_WORDS: readonly string[] = (
  "EHLO |HELO |LHLO |MAIL FROM:<|RCPT TO:<|DATA\r\n|BDAT |BDAT 0 LAST\r\n| LAST|RSET\r\n|NOOP |QUIT\r\n|" +
  "STARTTLS\r\n|AUTH PLAIN |AUTH LOGIN |AUTH SCRAM-SHA-256 |VRFY |HELP\r\n|ETRN |XCLIENT ADDR=|" +
  " SIZE=| BODY=8BITMIME| BODY=BINARYMIME| SMTPUTF8| RET=FULL| ENVID=| NOTIFY=SUCCESS,DELAY| NOTIFY=NEVER|" +
  " ORCPT=rfc822;|+2B| AUTH=<>| BY=120;R| HOLDFOR=1| HOLDUNTIL=2027-01-01T00:00:00Z| MT-PRIORITY=-9| REQUIRETLS|" +
  "a@server.example>|slow@server.example>|>|.\r\n|\r\n.\r\n|\n.\n|\r|\n|AGEAYg==|*"
).split("|");

export const commands: FuzzTarget = {
  name: "commands",
  words: COMMAND_WORDS,
  seeds: () => [
    "EHLO c.example\r\nMAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x\r\n",
    "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+40b\r\nDATA\r\n",
  ],
  run: (input) => {
    const lines = linesOf([input]);
    for (const size of sizesFor(input))
      assert.deepEqual(linesOf(piecesOf(input, size)), lines, `pieces of ${size}`);
    for (const line of lines) {
      if (line.startsWith("!")) continue;
      for (const extensions of [EVERY_EXTENSION, NO_EXTENSIONS]) {
        const command = parseCommand(line.slice(1), { serverName: "mx.example", extensions });
        if ("code" in command) assert.match(formatReply(command), /^(?:\d{3}[- ][ -~]*\r\n)+$/);
      }
    }
  },
};

/** Each line behind a space, each fault behind an exclamation mark. */
function linesOf(pieces: readonly Buffer[]): readonly string[] {
  const reader = new CommandReader();
  const lines: string[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at = reader.end) {
      const line = reader.read(piece, at, "auth");
      if (line === undefined) break;
      if (typeof line === "string") {
        assert.ok(line.length < MAX_AUTH_LINE_BYTES);
        if (!/^auth /iu.test(line)) assert.ok(line.length < MAX_COMMAND_BYTES);
        lines.push(` ${line}`);
      } else {
        lines.push(`!${line.why}`);
        if (line.why !== "bare-newline") return lines;
      }
    }
  }
  return lines;
}
