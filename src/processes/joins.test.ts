import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeChild } from "#test/support/fake-child.ts";
import { nodeClock } from "#world/node/clock.ts";
import { SimClock } from "#world/sim/clock.ts";
import type { Child } from "./child.ts";
import { Joins, type Side } from "./joins.ts";
import { SocketPairs } from "./socket-pair.ts";

/** Takes every descriptor that it may have, or frees them again, and says which sockets have arrived. */
const RECEIVER = `
  const { closeSync, openSync } = require("node:fs");
  const taken = [];
  process.on("message", (message, socket) => {
    if (message.kind === "take") try { for (;;) taken.push(openSync("/dev/null")); } catch {}
    if (message.kind === "free") taken.splice(0).forEach((fd) => closeSync(fd));
    if (socket !== undefined) socket.destroy();
    if (socket !== undefined || "kind" in message) process.send({ number: message.number });
  });
  process.on("disconnect", () => process.exit());`;

/** A process that is handed sockets as launch.ts hands them. */
function childOf(receiver: ChildProcess): Child<Socket> {
  const { promise: exited, resolve } = Promise.withResolvers<string>();
  receiver.once("exit", () => resolve("exited"));
  return {
    pid: receiver.pid,
    link: new FakeChild().link,
    handOver: (handover, end) => void receiver.send(handover, end, { keepOpen: false }),
    handOverListener: () => undefined,
    handOverClient: async () => undefined,
    seal: () => undefined,
    kill: () => undefined,
    exited,
  };
}

function sideOf(child: Child<Socket>): Side<Socket> {
  return { child, handover: () => ({ to: "queue", name: "", generation: 0 }) };
}

test("a socket that finds no descriptor in a process is lost by Node without a word, and is missed here", async () => {
  const folder = mkdtempSync(join(tmpdir(), "joins-"));
  const clock = new SimClock();
  const pairs = new SocketPairs(folder, nodeClock());
  const joins = new Joins<Socket>(clock, pairs);
  const node = [process.execPath, "--eval", RECEIVER];
  const receiver = spawn("sh", ["-c", 'ulimit -n 64; exec "$@"', "sh", ...node], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  receiver.on("message", (said: { readonly number?: number }) => {
    if (said.number !== undefined) joins.arrived(said.number);
  });
  const [near, far] = [childOf(receiver), childOf(receiver)];
  const told = async (kind: "take" | "free"): Promise<void> => {
    receiver.send({ kind });
    await once(receiver, "message");
  };

  await told("take");
  const lost = joins.join(sideOf(near), sideOf(far));
  const [warning] = (await once(process, "warning")) as [Error];
  assert.equal(warning.name, "SentHandleNotReceivedWarning");
  await clock.advance(10_000);
  assert.equal((await lost)?.why, "a socket that was handed over did not arrive");

  await told("free");
  assert.equal(await joins.join(sideOf(near), sideOf(far)), undefined);
  receiver.disconnect();
  await joins.close();
  rmSync(folder, { recursive: true });
});
