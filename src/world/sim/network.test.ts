import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection, NetworkFault } from "#base/ports/network.ts";
import { SimClock } from "./clock.ts";
import { SimNetwork } from "./network.ts";
import { networkContract } from "./network-contract.ts";
import { simRandom } from "./random.ts";
import { RecordingHandler } from "./recording-handler.ts";

for (const chunkBytes of ["random", "whole", 65_536] as const) {
  networkContract(`simulated network (chunks: ${chunkBytes})`, async () => {
    const clock = new SimClock();
    return {
      network: new SimNetwork(clock, simRandom(1), { chunkBytes, windowBytes: 1_048_576 }),
      socketPath: "/run/smtp.sock",
      settled: (promise) => clock.runUntilSettled(promise, 60_000),
      dispose: async () => {},
    };
  });
}

const SMTP: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };

test("chunks have the size that was asked for, across the writer's own", async () => {
  for (const chunkBytes of [1, 3, 7]) {
    const clock = new SimClock();
    const [client, server] = new SimNetwork(clock, simRandom(1), { chunkBytes }).pair();
    const heard = new RecordingHandler();
    server.start(heard);
    client.start(new RecordingHandler());
    for (const line of ["EHLO x\r\n", "M", "AIL\r\n"]) client.write(Buffer.from(line));
    await clock.runUntilIdle(1_000);
    assert.equal(heard.text, "EHLO x\r\nMAIL\r\n");
    assert.deepEqual(
      heard.chunkBytes,
      Array.from({ length: Math.ceil(14 / chunkBytes) }, (_, at) =>
        Math.min(chunkBytes, 14 - at * chunkBytes),
      ),
    );
  }
});

test("bytes arrive after the latency, and connecting takes as long", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1), { latencyMs: 40 });
  const heard = new RecordingHandler();
  await network.listen(SMTP, (connection) => connection.start(heard));
  const client = connected(await clock.runUntilSettled(connect(network), 1_000));
  assert.equal(clock.monotonicMs(), 40);
  client.write(Buffer.from("x"));
  await clock.runUntilSettled(
    heard.until(() => heard.text === "x"),
    1_000,
  );
  assert.equal(clock.monotonicMs(), 80);
});

test("a black hole takes the caller's whole time", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  await network.listen(SMTP, () => assert.fail("nothing arrives"));
  network.fail(SMTP, { kind: "black-hole" });
  const result = await clock.runUntilSettled(connect(network, 30_000), 60_000);
  assert.deepEqual([codeOf(result), clock.monotonicMs()], ["ETIMEDOUT", 30_000]);
});

test("a refusal is counted off, and its code is the one scripted", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  await network.listen(SMTP, () => {});
  network.fail(SMTP, { kind: "refuse", code: "EHOSTUNREACH" }, 2);
  const codes: string[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    codes.push(codeOf(await clock.runUntilSettled(connect(network), 1_000)));
  }
  assert.deepEqual(codes, ["EHOSTUNREACH", "EHOSTUNREACH", "none"]);
});

test("a connection breaks for both ends after so many bytes of one", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
  await network.listen(SMTP, (connection) => {
    connection.start(answering);
    connection.write(Buffer.from("220 mx.example ESMTP\r\n"));
  });
  network.fail(SMTP, { kind: "reset-after", bytes: 5, from: "client" });
  const client = connected(await clock.runUntilSettled(connect(network), 1_000));
  client.start(asking);
  client.write(Buffer.from("EHLO client.example\r\n"));
  await clock.runUntilSettled(Promise.all([asking.closing, answering.closing]), 1_000);
  assert.deepEqual([asking.fault?.code, answering.fault?.code], ["ECONNRESET", "ECONNRESET"]);
  assert.ok(answering.bytes <= 5, "no more than 5 bytes arrived");
});

test("a stalled connection goes on only in the other direction", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  const [asking, answering] = [new RecordingHandler(), new RecordingHandler()];
  await network.listen(SMTP, (connection) => {
    connection.start(answering);
    connection.write(Buffer.from("220 mx.example ESMTP\r\n"));
  });
  network.fail(SMTP, { kind: "stall-after", bytes: 4, from: "server" });
  const client = connected(await clock.runUntilSettled(connect(network), 1_000));
  client.start(asking);
  client.write(Buffer.from("QUIT\r\n"));
  assert.equal(await clock.runUntilIdle(86_400_000), "idle");
  assert.deepEqual([asking.text, answering.text], ["220 ", "QUIT\r\n"]);
  assert.equal(network.openConnections, 1);
});

test("a listener on all addresses takes what no other takes", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  const accepted: string[] = [];
  for (const host of ["0.0.0.0", "192.0.2.1"]) {
    await network.listen({ ...SMTP, host }, () => accepted.push(host));
  }
  await clock.runUntilSettled(connect(network), 1_000);
  await clock.runUntilSettled(
    network.connect({ ...SMTP, host: "198.51.100.1" }, { timeoutMs: 1_000 }),
    1_000,
  );
  assert.deepEqual(accepted, ["192.0.2.1", "0.0.0.0"]);
});

test("a peer may come from any address", async () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, simRandom(1));
  const hosts: string[] = [];
  await network.listen(SMTP, ({ remote }) => hosts.push(remote.kind === "tcp" ? remote.host : ""));
  const options = { timeoutMs: 1_000, sourceAddress: "203.0.113.9" };
  await clock.runUntilSettled(network.connect(SMTP, options), 1_000);
  assert.deepEqual(hosts, ["203.0.113.9"]);
});

function connect(network: SimNetwork, timeoutMs = 1_000): Promise<Connection | NetworkFault> {
  return network.connect(SMTP, { timeoutMs });
}

function connected(result: Connection | NetworkFault): Connection {
  if ("code" in result) throw new Error(`Cannot connect: ${result.code}`);
  return result;
}

function codeOf(result: Connection | NetworkFault): string {
  return "code" in result ? result.code : "none";
}
