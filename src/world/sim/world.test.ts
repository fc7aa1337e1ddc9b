import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { RecordingHandler } from "./recording-handler.ts";
import { SimWorld } from "./world.ts";

const SMTP: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };

test("a killed process is silent: no timer, no answer, no connection, no listener", async () => {
  const world = new SimWorld(1);
  const process = world.startProcess();
  const log: string[] = [];
  process.clock.after(10, () => log.push("timer"));
  await process.network.listen(SMTP, (connection) => {
    connection.start({
      data: () => log.push("data"),
      end: () => log.push("end"),
      drain: () => log.push("drain"),
      closed: () => log.push("closed"),
    });
  });
  const client = await world.clock.runUntilSettled(
    world.network.connect(SMTP, { timeoutMs: 1_000 }),
    1_000,
  );
  assert.ok(!("code" in client), "connected");
  const heard = new RecordingHandler();
  client.start(heard);
  void process.files.list("/").then(() => log.push("list"));
  process.kill();
  client.write(Buffer.from("hello"));
  await world.clock.runUntilIdle(60_000);
  assert.deepEqual(log, []);
  assert.deepEqual([heard.events.at(-1), heard.fault?.code], ["closed", "ECONNRESET"]);
  const again = await world.startProcess().network.listen(SMTP, () => {});
  assert.ok(!("code" in again), "the endpoint is free for the next run");
});

test("the disk keeps what a killed process wrote, synced or not", async () => {
  const world = new SimWorld(1);
  const process = world.startProcess();
  const file = await process.files.open("/a", "create");
  await file.write([Buffer.from("abc")], 0);
  process.kill();
  assert.equal(Buffer.from(world.disk.bytesOf("/a")).toString(), "abc");
  assert.equal(world.disk.openFiles, 0);
});

test("a power cut ends every process, and the next finds what was synced", async () => {
  const world = new SimWorld(1);
  const process = world.startProcess();
  const file = await process.files.open("/a", "create");
  await file.write([Buffer.from("abc")], 0);
  await file.sync();
  await process.files.syncFolder("/");
  await file.write([Buffer.from("def")], 3);
  world.crash();
  assert.equal(process.isRunning, false);
  const found = await world.startProcess().files.open("/a", "read");
  assert.equal(Buffer.from(await found.read(0, 3)).toString(), "abc");
});

test("the same seed gives the same world", async () => {
  assert.deepEqual(await drawsOf(1), await drawsOf(1));
  assert.notDeepEqual(await drawsOf(1), await drawsOf(2));
});

/** What chance decides in the world of `seed`. */
async function drawsOf(seed: number): Promise<readonly number[]> {
  const world = new SimWorld(seed);
  const [client, server] = world.network.pair();
  const heard = new RecordingHandler();
  server.start(heard);
  client.start(new RecordingHandler());
  client.write(new Uint8Array(10_000));
  await world.clock.runUntilIdle(60_000);
  return [world.random.uint32(), ...heard.chunkBytes];
}
