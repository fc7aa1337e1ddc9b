import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { LmtpDelivery } from "./lmtp.ts";
import { parseLmtpDestination } from "#model/config/relay-url.ts";
import type { DeliveryTask } from "#model/delivery.ts";
import { lmtpAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { SimWorld } from "#world/sim/world.ts";

const SOCKET: Endpoint = { kind: "unix", path: "/run/lmtp.sock" };
const TEXT = "Delivered-To: Seen@Server.Example\r\nSubject: x\r\n\r\nhello\r\n";
const DAY_MS = 86_400_000;
const LOCAL = { action: "in", transport: { kind: "mda", user: "bob", extension: "" } } as const;

async function attempt(
  task: DeliveryTask,
  settings: {
    readonly rcptTo: boolean;
    readonly destination?: string;
    readonly sink?: SinkSettings;
  },
): Promise<{ readonly results: readonly string[]; readonly sink: Sink }> {
  const world = new SimWorld(1);
  const sink = new Sink({ dialect: "lmtp", extensions: ["PIPELINING"], ...settings.sink });
  await sink.listen(world.network, SOCKET);
  const destination = parseLmtpDestination(settings.destination ?? "/run/lmtp.sock");
  if (destination.kind === "relay-url-fault") throw new TypeError(destination.reason);
  const action = lmtpAction("in", { destination, rcptTo: settings.rcptTo });
  const delivery = new LmtpDelivery(
    world,
    new Map([["in", action]]),
    { helo: "mail.example", subAddressDelimiter: "+", home: "/home/bob" },
    () => undefined,
  );
  const results = await world.clock.runUntilSettled(delivery.attempt(task), DAY_MS);
  assert.equal(results.length, task.envelopes.length);
  return {
    results: results.map(({ outcome, status, diagnostic, remote }) =>
      [outcome, status, diagnostic, remote].join(" | "),
    ),
    sink,
  };
}

test("LMTP delivery gives the user's name as the recipient", async () => {
  const { results, sink } = await attempt(taskOf(["b@server.example"], TEXT, LOCAL), {
    rcptTo: false,
  });
  assert.deepEqual(results, ["delivered | 2.0.0 | 250 2.0.0 Taken | unix:/run/lmtp.sock"]);
  assert.deepEqual(sink.messages[0]?.forwardPaths, ["bob"]);
  assert.equal(sink.lines[0], "LHLO mail.example");
});

test("LMTP delivery gives the whole address with rcpt-to, and a result for each", async () => {
  const { results } = await attempt(taskOf(["b@server.example", "c@server.example"], TEXT, LOCAL), {
    rcptTo: true,
    sink: { reply: (line) => (line === "TEXT c@server.example" ? "452 4.2.2 Full" : undefined) },
  });
  assert.deepEqual(results, [
    "delivered | 2.0.0 | 250 2.0.0 Taken | unix:/run/lmtp.sock",
    "deferred | 4.2.2 | 452 4.2.2 Full | unix:/run/lmtp.sock",
  ]);
});

test("LMTP delivery does not send what has been delivered to the same address before", async () => {
  const task = taskOf(["seen@server.example", "c@server.example"], TEXT, LOCAL);
  const { results, sink } = await attempt(task, { rcptTo: true });
  assert.deepEqual(results, [
    "loop | 5.4.6 | Delivered-To loop detected | ",
    "delivered | 2.0.0 | 250 2.0.0 Taken | unix:/run/lmtp.sock",
  ]);
  assert.equal(sink.messages.length, 1);
});

test("LMTP delivery defers when its server is not there, or refuses to talk", async () => {
  const task = taskOf(["b@server.example"], TEXT, LOCAL);
  const absent = await attempt(task, {
    rcptTo: true,
    destination: "/run/other.sock",
  });
  assert.deepEqual(absent.results, [
    "deferred | 4.4.1 | No such socket (at CONNECT) | unix:/run/other.sock",
  ]);
  const lost = await attempt(task, {
    rcptTo: true,
    destination: "absent.example:24",
  });
  assert.deepEqual(lost.results, ["deferred | 4.4.3 | LMTP host not found | "]);
  const refused = await attempt(task, { rcptTo: true, sink: { reply: () => "554 5.7.1 No" } });
  assert.deepEqual(refused.results, ["deferred | 4.7.1 | 554 5.7.1 No | unix:/run/lmtp.sock"]);
});

test("LMTP delivery goes where the specifiers of its destination say, and nowhere else", async () => {
  const task = taskOf(
    ["b+lmtp@server.example", "c@other.example", "x/../y+a@b.example"],
    TEXT,
    LOCAL,
  );
  const { results } = await attempt(task, {
    rcptTo: true,
    destination: "/run/%{rcpt.user[2:]}.sock",
  });
  assert.deepEqual(results, [
    "failed | 5.1.1 | No LMTP server can have this address: %{rcpt.user} is too short for its range | ",
    "delivered | 2.0.0 | 250 2.0.0 Taken | unix:/run/lmtp.sock",
    "deferred | 4.4.1 | No such socket (at CONNECT) | unix:/run/:.:y+a.sock",
  ]);
});
