import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { linesWithFewDescriptors } from "#test/support/few-descriptors.ts";
import { nodeClock } from "#world/node/clock.ts";
import { SocketPairs } from "./socket-pair.ts";

async function pairOf(pairs: SocketPairs): Promise<readonly [Socket, Socket]> {
  const pair = await pairs.pair();
  assert.ok(typeof pair !== "string", "a pair is made");
  return pair;
}

test("the two ends of each pair are joined, also when many are made at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pairs-"));
  const pairs = new SocketPairs(folder, nodeClock());
  try {
    const made = await Promise.all(Array.from({ length: 20 }, () => pairOf(pairs)));
    for (const [index, [near, far]] of made.entries()) {
      near.write(`hello ${index}`);
      far.resume();
      const [bytes] = (await once(far, "data")) as [Buffer];
      assert.equal(bytes.toString(), `hello ${index}`);
      near.destroy();
      far.destroy();
    }
  } finally {
    await pairs.close();
    rmSync(folder, { recursive: true });
  }
});

test("sockets that killed processes left behind go, those of others stay", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pairs-"));
  // Numbers of processes end at 4194304.
  const names = ["pairs.4194305.sock", `pairs.${process.pid}.sock`, `pairs.${process.ppid}.sock`];
  for (const name of names) writeFileSync(join(folder, name), "");
  const pairs = new SocketPairs(folder, nodeClock());
  for (const socket of await pairOf(pairs)) socket.destroy();
  await pairs.close();
  assert.deepEqual(readdirSync(folder), [`pairs.${process.ppid}.sock`]);
  rmSync(folder, { recursive: true });
});

test("closing leaves no socket file behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pairs-"));
  const pairs = new SocketPairs(folder, nodeClock());
  for (const socket of await pairOf(pairs)) socket.destroy();
  await pairs.close();
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

/** How many descriptors are left when a pair is to be made: one end, the other, and the server's own. */
for (const left of [0, 1, 2]) {
  test(`with ${left} descriptors left a pair is refused, and is made when there are more`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pairs-"));
    const lines = await linesWithFewDescriptors(`
      const { SocketPairs } = await import(${JSON.stringify(import.meta.resolve("./socket-pair.ts"))});
      const { nodeClock } = await import(${JSON.stringify(import.meta.resolve("#world/node/clock.ts"))});
      const pairs = new SocketPairs(${JSON.stringify(folder)}, nodeClock());
      const free = takeAll();
      free(${left});
      const without = await pairs.pair();
      free();
      const [near, far] = await pairs.pair();
      near.end("it is joined");
      far.resume().on("data", (bytes) => console.log(typeof without, String(bytes)));
      far.on("end", () => { far.end(); void pairs.close(); });`);
    assert.deepEqual(lines, ["string it is joined"]);
    rmSync(folder, { recursive: true });
  });
}
