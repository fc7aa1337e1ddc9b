/**
 * `sendmail -bs`: the bytes of a caller that speaks SMTP itself, to the daemon and back. Nothing
 * of them is read here.
 */
import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";
import { EXIT, type ExitStatus } from "./sendmail-exit.ts";

/** RFC 5321 §3.8: what a server says that is not there. */
const NOT_THERE = "421 4.3.2 localhost Service not available\r\n";

/** Until the daemon closes. The caller's end of input is handed on. */
export function pump(socketPath: string, input: Readable, output: Writable): Promise<ExitStatus> {
  const { promise, resolve } = Promise.withResolvers<ExitStatus>();
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  let status: ExitStatus = EXIT.unavailable;
  socket.once("connect", () => {
    status = EXIT.ok;
    input.pipe(socket);
    socket.pipe(output, { end: false });
  });
  // Who cannot be read from, or written to, any more has no further use for the daemon.
  for (const stream of [input, output]) stream.on("error", () => socket.destroy());
  socket.once("error", () => {
    if (status === EXIT.unavailable) output.write(NOT_THERE);
    status = EXIT.unavailable;
  });
  socket.once("end", () => socket.end());
  socket.once("close", () => {
    input.unpipe(socket);
    input.destroy();
    resolve(status);
  });
  return promise;
}
