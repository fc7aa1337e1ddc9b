/** A socket on its real way: from who accepts it, past the guard of the parent's channel. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type TestContext, test } from "node:test";
import { bindEndpoint } from "./bind.ts";
import { guardChannel, type Passed } from "./child-channel.ts";

const HERE = import.meta.resolve("./local-door.ts");

/** A child that accepts on `path`, and those that it has handed on. */
async function stage(t: TestContext, script: string) {
  const folder = mkdtempSync(join(tmpdir(), "local-door-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "in.sock");
  const bound = await bindEndpoint({ kind: "unix", path });
  assert.ok(!("code" in bound));
  t.after(() => bound.close());
  const words = ["--input-type=module", "-e", script.replace("PATH", JSON.stringify(path))];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", "inherit", "ipc", bound.fd],
  });
  t.after(() => child.kill("SIGKILL"));
  const passed: Passed[] = [];
  let misuses = 0;
  let next: PromiseWithResolvers<void> = Promise.withResolvers();
  const answers: (() => void)[] = [];
  guardChannel(child, {
    misused: () => {
      misuses++;
      child.kill("SIGKILL");
    },
    passed: (each) => {
      passed.push(each);
      next.resolve();
      next = Promise.withResolvers();
      const { promise, resolve } = Promise.withResolvers<void>();
      answers.push(resolve);
      return promise;
    },
  });
  return { child, path, passed, misuses: () => misuses, next: () => next.promise, answers };
}

/** A client, once somebody listens. */
async function client(t: TestContext, path: string): Promise<Socket> {
  for (;;) {
    const socket = connect({ path, allowHalfOpen: true });
    t.after(() => socket.destroy());
    try {
      await once(socket, "connect");
      socket.on("error", () => undefined);
      return socket;
    } catch {
      await setTimeout(20);
    }
  }
}

const ACCEPTING = `
  const { nodeLocalDoor } = await import(${JSON.stringify(HERE)});
  const { loadPeerUid } = await import(${JSON.stringify(import.meta.resolve("./peer-credentials.ts"))});
  const door = nodeLocalDoor({ get: () => 4 }, await loadPeerUid());
  await door.listen({ kind: "unix", path: PATH }, (client) => void client.pass());
  process.on("message", () => undefined);`;

test("a client is handed on unread, with its uid, and the next one when it is answered for", {
  timeout: 30_000,
}, async (t) => {
  const { path, passed, next, answers, misuses } = await stage(t, ACCEPTING);
  const heard: string[] = [];
  let first = next();
  for (const name of ["one", "two"]) {
    const visitor = (await client(t, path)).setEncoding("utf8");
    visitor.on("data", (text) => void heard.push(String(text)));
    visitor.write(`said before it was accepted by ${name}`);
    await first;
    const { endpoint, uid, socket } = passed.at(-1) as Passed;
    assert.deepEqual([endpoint, uid], [`unix:${path}`, process.getuid?.()]);
    const [said] = (await once(socket.setEncoding("utf8").resume(), "data")) as [string];
    assert.equal(said, `said before it was accepted by ${name}`);
    socket.end("221 bye");
    await once(visitor, "end");
    first = next();
    answers.shift()?.();
  }
  assert.deepEqual([heard, passed.length, misuses()], [["221 bye", "221 bye"], 2, 0]);
});

const FLOODED = 600;
const TURNING_AWAY = `
  const { nodeLocalDoor } = await import(${JSON.stringify(HERE)});
  let clients = 0;
  const door = nodeLocalDoor({ get: () => 4 }, () => 1);
  await door.listen({ kind: "unix", path: PATH }, (client) => {
    if (++clients <= ${FLOODED}) client.turnAway("421 4.3.2 Too many\\r\\n");
    else void client.pass();
  });
  process.on("message", () => undefined);`;

test("clients that are turned away and stay leave room for others, and each is told", {
  timeout: 30_000,
}, async (t) => {
  const { path, passed, next } = await stage(t, TURNING_AWAY);
  const told: string[] = [];
  for (let n = 0; n < FLOODED; n++) {
    const visitor = await client(t, path);
    visitor.setEncoding("utf8").once("data", (line) => void told.push(String(line)));
  }
  const honest = next();
  await client(t, path);
  await honest;
  assert.equal(passed.length, 1);
  assert.deepEqual([told.length, new Set(told).size], [FLOODED, 1]);
});

/** What a child that was taken over may try: each time its channel is all that it has. */
const MISUSES: Readonly<Record<string, string>> = {
  "a uid that is none": "process.send({ endpoint: PATH, uid: -1 }, socket._handle)",
  "a uid as a text": 'process.send({ endpoint: PATH, uid: "0" }, socket._handle)',
  "no object": "process.send([0], socket._handle)",
  "a socket as Node makes it": "process.send({ endpoint: PATH, uid: 0 }, socket)",
  "a long message": 'process.send({ endpoint: "x".repeat(600), uid: 0 }, socket._handle)',
  "no socket": "process.send({ endpoint: PATH, uid: 0 })",
};

for (const [what, sends] of Object.entries(MISUSES)) {
  test(`a child that hands on ${what} is known for what it is`, { timeout: 30_000 }, async (t) => {
    const script = `
      const { createServer } = await import("node:net");
      createServer({ pauseOnConnect: true }, (socket) => { ${sends}; }).listen({ fd: 4 });
      process.on("message", () => undefined);`;
    const { child, path, passed, misuses } = await stage(t, script);
    const ended = once(child, "exit");
    await client(t, path);
    const [, signal] = (await ended) as [number | null, string | null];
    assert.deepEqual([signal, misuses(), passed.length], ["SIGKILL", 1, 0]);
  });
}
