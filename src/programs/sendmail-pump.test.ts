import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { pump } from "./sendmail-pump.ts";

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "postrider-pump-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "in.sock");
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((listening) => server.listen(path, listening));
}

test("pump carries bytes both ways, until the daemon closes", async (t) => {
  const path = socketPath(t);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write("220 hello\r\n");
    socket.on("data", (bytes) => {
      if (String(bytes).includes("QUIT")) socket.end("221 bye\r\n");
    });
  });
  await listen(server, path);
  t.after(() => server.close());
  const [input, output] = [new PassThrough(), new PassThrough()];
  const running = pump(path, input, output);
  input.write("QUIT\r\n"); // And keeps its end open.
  assert.equal(await running, 0);
  output.end();
  assert.equal(await text(output), "220 hello\r\n221 bye\r\n");
});

test("pump hands on the end of the input, and waits for what the daemon still says", async (t) => {
  const path = socketPath(t);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.resume();
    socket.on("end", () => socket.end("all of it\r\n"));
  });
  await listen(server, path);
  t.after(() => server.close());
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.end("x");
  assert.equal(await pump(path, input, output), 0);
  output.end();
  assert.equal(await text(output), "all of it\r\n");
});

test("pump says in the daemon's place that it is not there", async (t) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  assert.equal(await pump(socketPath(t), input, output), 69);
  output.end();
  assert.equal(await text(output), "421 4.3.2 localhost Service not available\r\n");
});
