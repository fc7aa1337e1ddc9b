import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SocketPairs } from "./socket-pair.ts";

test("the two ends of each pair are joined, also when many are made at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pairs-"));
  const pairs = new SocketPairs(folder);
  try {
    const made = await Promise.all(Array.from({ length: 20 }, () => pairs.pair()));
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
  const pairs = new SocketPairs(folder);
  for (const socket of await pairs.pair()) socket.destroy();
  await pairs.close();
  assert.deepEqual(readdirSync(folder), [`pairs.${process.ppid}.sock`]);
  rmSync(folder, { recursive: true });
});

test("closing leaves no socket file behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pairs-"));
  const pairs = new SocketPairs(folder);
  for (const socket of await pairs.pair()) socket.destroy();
  await pairs.close();
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});
