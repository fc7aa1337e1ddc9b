/**
 * An SMTP server that throws messages away, for relay runs where Debian's smtp-sink is
 * not installed:
 *
 *   bin/node bench/sink.ts --port N
 *
 * Prints `mesg=COUNT` after each message, as smtp-sink -c does. It answers each command
 * as it comes, so pipelined ones too, and judges nothing.
 */
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string" } } });
let taken = 0;

const END_OF_DATA = "\r\n.\r\n";

function replyTo(line: string): string {
  const verb = line.slice(0, 4).toUpperCase();
  if (verb === "EHLO") return "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
  if (verb === "DATA") return "354 Go on\r\n";
  return verb === "QUIT" ? "221 Bye\r\n" : "250 Ok\r\n";
}

function serve(socket: Socket): void {
  let mode: "commands" | "text" = "commands";
  let held = "";
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.write("220 sink.example ESMTP\r\n");
  socket.on("data", (chunk) => {
    held += chunk.toString("latin1");
    let replies = "";
    for (;;) {
      const mark = mode === "text" ? END_OF_DATA : "\r\n";
      const end = held.indexOf(mark);
      if (end === -1) break;
      const part = held.slice(0, end);
      held = held.slice(end + mark.length);
      if (mode === "text") {
        mode = "commands";
        taken++;
        replies += "250 Ok\r\n";
      } else {
        replies += replyTo(part);
        if (/^data/i.test(part)) mode = "text";
        if (/^quit/i.test(part)) socket.end();
      }
    }
    if (replies === "") return;
    socket.write(replies);
    process.stdout.write(`mesg=${taken}\r`);
  });
}

createServer(serve).listen(Number(values.port), "127.0.0.1", 512);
