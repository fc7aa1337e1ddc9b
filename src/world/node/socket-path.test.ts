import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import { nodeNetwork } from "./network.ts";
import { clearSocketPath } from "./socket-path.ts";

async function socketPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(`${tmpdir()}/postrider-socket-`);
  t.after(() => rm(folder, { recursive: true }));
  return `${folder}/smtp.sock`;
}

/** Leaves a socket's file behind, as a process that was killed does. */
async function makeStale(path: string): Promise<void> {
  const server = net.createServer();
  server.listen(`${path}.new`);
  await once(server, "listening");
  await rename(`${path}.new`, path); // or closing would remove it
  server.close();
  await once(server, "close");
}

test("a path with nothing there is free", async (t) => {
  assert.equal(await clearSocketPath(await socketPath(t)), undefined);
});

test("a folder that is not there is told from a free path", async (t) => {
  const path = `${await socketPath(t)}/smtp.sock`;
  assert.equal((await clearSocketPath(path))?.code, "ENOENT");
});

test("a stale socket is removed, and its place can be listened on", async (t) => {
  const path = await socketPath(t);
  await makeStale(path);
  assert.equal(existsSync(path), true);
  const listening = await nodeNetwork().listen({ kind: "unix", path }, () => {});
  assert.ok(!("code" in listening), "listens");
  listening.close();
});

test("a live socket is left alone", async (t) => {
  const path = await socketPath(t);
  const listening = await nodeNetwork().listen({ kind: "unix", path }, () => {});
  assert.ok(!("code" in listening), "listens");
  assert.equal((await clearSocketPath(path))?.code, "EADDRINUSE");
  assert.equal(existsSync(path), true);
  listening.close();
});

test("a file that is no socket is never touched", async (t) => {
  const path = await socketPath(t);
  await writeFile(path, "somebody's file");
  assert.equal((await clearSocketPath(path))?.code, "EADDRINUSE");
  assert.equal(existsSync(path), true);
});
