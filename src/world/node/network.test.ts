import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import { networkContract } from "#world/sim/network-contract.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { wrapSocket } from "./connection.ts";
import { nodeNetwork } from "./network.ts";

networkContract("network", async () => {
  const folder = await mkdtemp(`${tmpdir()}/postrider-network-`);
  return {
    network: nodeNetwork(),
    socketPath: `${folder}/smtp.sock`,
    settled: (promise) => promise,
    dispose: () => rm(folder, { recursive: true }),
  };
});

const LOOPBACK: Endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 };

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(`${tmpdir()}/postrider-network-`);
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("a UNIX socket may be used by all", async (t) => {
  const path = `${await folderOf(t)}/smtp.sock`;
  const listening = await nodeNetwork().listen({ kind: "unix", path }, () => {});
  assert.ok(!("code" in listening), "listens");
  assert.equal(statSync(path).mode & 0o777, 0o666);
  listening.close();
});

test("a listener on all addresses tells each connection the one it came to", async () => {
  const network = nodeNetwork();
  const accepting = Promise.withResolvers<Connection>();
  const listening = await network.listen({ ...LOOPBACK, host: "0.0.0.0" }, accepting.resolve);
  assert.ok(!("code" in listening) && listening.endpoint.kind === "tcp", "listens");
  const { port } = listening.endpoint;
  const client = await network.connect({ ...LOOPBACK, port }, { timeoutMs: 5_000 });
  assert.ok(!("code" in client), "connects");
  const server = await accepting.promise;
  assert.deepEqual(server.local, { kind: "tcp", host: "127.0.0.1", port });
  for (const end of [client, server]) end.destroy();
  listening.close();
});

test("a connection can be opened from a chosen address", async () => {
  const network = nodeNetwork();
  const accepting = Promise.withResolvers<Connection>();
  const listening = await network.listen(LOOPBACK, accepting.resolve);
  assert.ok(!("code" in listening), "listens");
  const options = { timeoutMs: 5_000, sourceAddress: "127.0.0.2" };
  const client = await network.connect(listening.endpoint, options);
  assert.ok(!("code" in client), "connects");
  const { remote } = await accepting.promise;
  assert.equal(remote.kind === "tcp" && remote.host, "127.0.0.2");
  const foreign = { timeoutMs: 5_000, sourceAddress: "192.0.2.1" };
  const fault = await network.connect(listening.endpoint, foreign);
  assert.equal("code" in fault && fault.code, "EADDRNOTAVAIL");
  client.destroy();
  listening.close();
});

/** Listens, and then does nothing any more: the kernel fills the backlog and goes silent. */
const SILENT_LISTENER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(workerData, 0, 0));
  });
`;

test("a peer that does not answer costs no more than the time allowed", async (t) => {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SILENT_LISTENER, { eval: true, workerData: waiting });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  const network = nodeNetwork();
  const codes: string[] = [];
  for (let attempt = 0; attempt < 5 && !codes.includes("ETIMEDOUT"); attempt++) {
    const result = await network.connect({ ...LOOPBACK, port }, { timeoutMs: 100 });
    codes.push("code" in result ? result.code : "connected");
    if (!("code" in result)) t.after(() => result.destroy());
  }
  assert.equal(codes.at(-1), "ETIMEDOUT", codes.join());
});

test("a socket from elsewhere becomes a connection, also when it came paused", async (t) => {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  t.after(() => server.close());
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object", "is TCP");
  const heard = new RecordingHandler();
  server.on("connection", (socket) => wrapSocket(socket).start(heard));
  const client = net.connect(address.port, "127.0.0.1");
  client.end("hello");
  await heard.until(() => heard.events.includes("end"));
  assert.equal(heard.text, "hello");
  client.destroy();
});
