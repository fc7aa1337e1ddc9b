/** LIM-12: more clients than the daemon may have files open. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { sendsMails, startPiped, stopPiped } from "./piped-daemon.ts";
import { Scratch } from "./scratch.ts";

const CLIENTS = 500;

const skip = await unlessStartable();

test("with 64 descriptors some of 500 clients are served, mail is delivered, and all is well again", {
  skip,
}, async () => {
  await using scratch = new Scratch();
  const daemon = await startPiped(scratch, 64);
  const { port, arrived } = daemon;
  await sendsMails(port, 1);
  let served = 0;
  let settled = 0;
  const sockets: Socket[] = [];
  for (let n = 0; n < CLIENTS; n++) {
    const socket = connect(port, "127.0.0.1");
    let said = "";
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      said = bytes.toString("latin1");
      if (said.startsWith("220")) served++;
      else assert.match(said, /^421 4\.3\.2 /);
      settled++;
    });
    socket.once("close", () => {
      if (said === "") settled++;
    });
    sockets.push(socket);
  }
  await until(() => settled === CLIENTS, "answer or end for each client");
  assert.ok(served >= 16, `${served} are served`);
  // Deliveries have descriptors left while all clients are there.
  await until(() => existsSync(arrived) && readdirSync(arrived).length === 1, "delivery");
  for (const socket of sockets) socket.destroy();
  await until(async () => {
    try {
      await sendsMails(port, 1);
      return true;
    } catch {
      return false; // Its sessions are being closed.
    }
  }, "service as before");
  await until(() => readdirSync(arrived).length >= 2, "delivery");
  await stopPiped(daemon);
});
