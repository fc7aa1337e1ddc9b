import assert from "node:assert/strict";
import { test } from "node:test";
import type { MxRecord } from "#base/ports/resolver.ts";
import type { RelayHost, RelayTo } from "#model/config/action.ts";
import type { Table } from "#model/config/table.ts";
import { type DeliveryTask, MAX_DIAGNOSTIC_BYTES } from "#model/delivery.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { MAX_RECIPIENTS, Relay } from "./relay.ts";
import { MAX_TRIES } from "./tries.ts";

const DAY_MS = 86_400_000;
const TEXT = "Subject: x\r\n\r\nhello\r\n";

const TABLE: Table = {
  at: { file: "smtpd.conf", line: 1, column: 1 },
  name: "<dynamic:1>",
  source: { kind: "inline" },
  shape: "list",
  entries: new Map(),
};

function hostAt(protocol: RelayHost["protocol"], name: string): RelayHost {
  const endpoint = { kind: "tcp", host: name, port: 25 } as const;
  return { protocol, tls: "never", endpoint, label: undefined };
}

function mx(preference: number, exchange: string): MxRecord {
  return { preference, exchange };
}

class Scene {
  readonly world: SimWorld;
  readonly relay: Relay;

  constructor(hosts: readonly RelayHost[] = [], seed = 1) {
    this.world = new SimWorld(seed);
    const to: RelayTo = hosts.length > 0 ? { kind: "hosts", table: TABLE, hosts } : { kind: "mx" };
    const action = relayAction("out", { to });
    const { network, clock, random, resolver } = this.world;
    const ports = { network, clock, random, resolver };
    this.relay = new Relay(ports, new Map([["out", action]]), relayParties(this.world.tls));
  }

  async sink(host: string, settings: SinkSettings = {}): Promise<Sink> {
    const sink = new Sink({ extensions: ["PIPELINING", "SIZE"], ...settings });
    await sink.listen(this.world.network, { kind: "tcp", host, port: 25 });
    return sink;
  }

  async results(task: DeliveryTask): Promise<readonly string[]> {
    const attempt = this.relay.attempt(task);
    const results = await this.world.clock.runUntilSettled(attempt, DAY_MS);
    assert.deepEqual(
      results.map(({ evpid }) => evpid).toSorted(),
      task.envelopes.map(({ evpid }) => evpid).toSorted(),
    );
    return results.map(({ outcome, status, diagnostic, remote }) =>
      [outcome, status, diagnostic, remote].join(" | "),
    );
  }

  to(...destinations: readonly string[]): Promise<readonly string[]> {
    return this.results(taskOf(destinations, TEXT));
  }
}

test("relay delivers to the domain's best exchanger and names it", async () => {
  const scene = new Scene();
  scene.world.resolver.setMx("server.example", [mx(20, "b.example"), mx(10, "a.example")]);
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  scene.world.resolver.setAddresses("b.example", ["192.0.2.2"]);
  const best = await scene.sink("192.0.2.1");
  await scene.sink("192.0.2.2");
  assert.deepEqual(await scene.to("x@server.example", "y@server.example"), [
    "delivered | 2.0.0 | 250 2.0.0 Taken | a.example [192.0.2.1]",
    "delivered | 2.0.0 | 250 2.0.0 Taken | a.example [192.0.2.1]",
  ]);
  assert.deepEqual(best.messages, [
    {
      reversePath: "sender@client.example",
      forwardPaths: ["x@server.example", "y@server.example"],
      text: TEXT,
    },
  ]);
});

test("relay shares its messages among exchangers of equal preference", async () => {
  const scene = new Scene();
  scene.world.resolver.setMx("server.example", [mx(10, "a.example"), mx(10, "b.example")]);
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  scene.world.resolver.setAddresses("b.example", ["192.0.2.2"]);
  const sinks = [await scene.sink("192.0.2.1"), await scene.sink("192.0.2.2")];
  for (let sent = 0; sent < 40; sent++) await scene.to("x@server.example");
  for (const sink of sinks) assert.ok(sink.messages.length > 5);
});

for (const c of [
  { name: "refuses the connection", reply: undefined, listens: false },
  { name: "greets with 421", reply: "421 4.3.2 Busy", listens: true },
  { name: "greets with 554", reply: "554 5.7.1 No", listens: true },
  { name: "drops the connection", reply: "drop", listens: true },
  { name: "does not speak SMTP", reply: "SSH-2.0", listens: true },
  { name: "never greets", reply: "silent", listens: true },
]) {
  test(`relay tries the next exchanger when one ${c.name}`, async () => {
    const scene = new Scene();
    scene.world.resolver.setMx("server.example", [mx(10, "a.example"), mx(20, "b.example")]);
    scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
    scene.world.resolver.setAddresses("b.example", ["192.0.2.2"]);
    if (c.listens) await scene.sink("192.0.2.1", { reply: () => c.reply });
    const second = await scene.sink("192.0.2.2");
    const results = await scene.to("x@server.example");
    assert.deepEqual(results, ["delivered | 2.0.0 | 250 2.0.0 Taken | b.example [192.0.2.2]"]);
    assert.equal(second.messages.length, 1);
  });
}

test("relay tries each address of an exchanger", async () => {
  const scene = new Scene();
  scene.world.resolver.setMx("server.example", [mx(10, "a.example")]);
  scene.world.resolver.setAddresses("a.example", ["2001:db8::1", "192.0.2.1"]);
  await scene.sink("192.0.2.1");
  const results = await scene.to("x@server.example");
  assert.deepEqual(results, ["delivered | 2.0.0 | 250 2.0.0 Taken | a.example [192.0.2.1]"]);
});

test("relay does not try the next exchanger once one began on the message", async () => {
  const scene = new Scene();
  scene.world.resolver.setMx("server.example", [mx(10, "a.example"), mx(20, "b.example")]);
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  scene.world.resolver.setAddresses("b.example", ["192.0.2.2"]);
  await scene.sink("192.0.2.1", {
    reply: (line) => (line.startsWith("TEXT") ? "drop" : undefined),
  });
  const second = await scene.sink("192.0.2.2");
  assert.deepEqual(await scene.to("x@server.example"), [
    "deferred | 4.4.2 | Server closed the connection (at EOM) | a.example [192.0.2.1]",
  ]);
  assert.equal(second.sessions, 0);
});

test("relay gives each recipient the server's own words", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("server.example", ["192.0.2.1"]);
  await scene.sink("192.0.2.1", {
    reply: (line) => {
      if (line.includes("gone@")) return "550-5.1.1 No such\r\n550 5.1.1 user\x07";
      if (line.includes("full@")) return "452 4.2.2 Full";
      if (line.includes("old@")) return "552 Too many";
      if (line.includes("odd@")) return "550 4.1.1 Classes differ";
      return undefined;
    },
  });
  const from = "server.example [192.0.2.1]";
  const names = ["ok", "gone", "full", "old", "odd"].map((name) => `${name}@server.example`);
  assert.deepEqual(await scene.to(...names), [
    `delivered | 2.0.0 | 250 2.0.0 Taken | ${from}`,
    `failed | 5.1.1 | 550 5.1.1 No such user\\x07 | ${from}`,
    `deferred | 4.2.2 | 452 4.2.2 Full | ${from}`,
    `deferred | 4.5.3 | 552 Too many | ${from}`,
    `failed | 5.0.0 | 550 4.1.1 Classes differ | ${from}`,
  ]);
});

test("relay keeps diagnostics within their bound", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("server.example", ["192.0.2.1"]);
  const line = "\x01".repeat(1500);
  await scene.sink("192.0.2.1", {
    reply: (command) => (command.startsWith("RCPT") ? `550-${line}\r\n550 ${line}` : undefined),
  });
  const [result = ""] = await scene.to("x@server.example");
  const diagnostic = result.split(" | ")[2] ?? "";
  assert.equal(diagnostic.length, MAX_DIAGNOSTIC_BYTES);
  assert.match(diagnostic, /^[ -~]+$/);
});

test("relay says why nothing can be sent to a domain", async () => {
  const scene = new Scene();
  const { resolver } = scene.world;
  resolver.setMx("null.example", [mx(0, "")]);
  resolver.setMx("local.example", [mx(0, "localhost")]);
  resolver.setMx("odd.example", [mx(0, "a\\000.b")]);
  resolver.setMx("bare.example", []);
  resolver.setMx("lost.example", [mx(0, "nowhere.example")]);
  resolver.setMx("shaky.example", [mx(0, "down.example")]);
  resolver.setServers("down.example", "failing");
  resolver.setServers("dead.example", "failing");
  const cases: readonly (readonly [string, string])[] = [
    ["null.example", "failed | 5.1.10 | Domain does not accept mail | "],
    ["local.example", "failed | 5.1.10 | Domain does not accept mail | "],
    ["odd.example", "deferred | 4.4.4 | No MX found for domain | "],
    ["bare.example", "failed | 5.4.4 | No MX found for domain | "],
    ["lost.example", "deferred | 4.4.4 | No MX found for domain | "],
    ["absent.example", "failed | 5.1.2 | Domain does not exist | "],
    ["dead.example", "deferred | 4.4.3 | Temporary failure in MX lookup | "],
    ["shaky.example", "deferred | 4.4.3 | Temporary failure in address lookup | "],
    ["a b;id", "failed | 5.1.2 | Invalid domain name | "],
    ["[192.0.2.7]", "deferred | 4.4.1 | Connection refused (at CONNECT) | 192.0.2.7 [192.0.2.7]"],
    ["[IPv6:::1]", "deferred | 4.4.1 | Connection refused (at CONNECT) | ::1 [::1]"],
    ["[1.2.3]", "failed | 5.1.2 | Invalid domain name | "],
  ];
  for (const [domain, expected] of cases) {
    assert.deepEqual(await scene.to(`x@${domain}`), [expected], domain);
  }
});

test("relay asks the DNS again after a failure, and not after an answer", async () => {
  const scene = new Scene();
  const { resolver } = scene.world;
  resolver.setServers("server.example", "failing");
  assert.match((await scene.to("x@server.example"))[0] ?? "", /4\.4\.3/);
  resolver.setServers("server.example", "answering");
  resolver.setAddresses("server.example", ["192.0.2.1"]);
  await scene.sink("192.0.2.1");
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^delivered/);
  resolver.setServers("server.example", "failing");
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^delivered/);
  await scene.world.clock.advance(61_000);
  assert.match((await scene.to("x@server.example"))[0] ?? "", /4\.4\.3/);
});

test("relay fails for good only when every exchanger never takes mail", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("server.example", ["192.0.2.1", "192.0.2.2"]);
  await scene.sink("192.0.2.1", { reply: () => "521 5.3.2 No mail here" });
  const from = "server.example [192.0.2.1]";
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^deferred/);
  await scene.sink("192.0.2.2", { reply: () => "521 5.3.2 No mail here" });
  // Until then it is left alone, as it could not be reached.
  await scene.world.clock.advance(15_000);
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^failed \| 5\.3\.2/, from);
});

test("relay tries a bounded number of addresses", async () => {
  const scene = new Scene();
  const records = Array.from({ length: 200 }, (_, at) => mx(at, `m${at}.example`));
  scene.world.resolver.setMx("server.example", records);
  for (const [at, { exchange }] of records.entries()) {
    scene.world.resolver.setAddresses(exchange, [`192.0.2.${at}`, `198.51.100.${at}`]);
  }
  let connects = 0;
  const { network } = scene.world;
  const connect = network.connect.bind(network);
  network.connect = (endpoint, options) => {
    connects++;
    return connect(endpoint, options);
  };
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^deferred \| 4\.4\.1/);
  assert.equal(connects, MAX_TRIES);
});

test("relay sends the recipients in transactions of their number", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("server.example", ["192.0.2.1"]);
  const sink = await scene.sink("192.0.2.1");
  const names = Array.from({ length: 250 }, (_, at) => `u${at}@server.example`);
  const results = await scene.to(...names);
  assert.equal(results.length, 250);
  assert.deepEqual(
    sink.messages.map(({ forwardPaths }) => forwardPaths.length),
    [MAX_RECIPIENTS, MAX_RECIPIENTS, 50],
  );
});

test("relay sends to the hosts of its action in turn, without asking for MX", async () => {
  const hosts: readonly RelayHost[] = [
    hostAt("smtp", "smart.example"),
    hostAt("smtp", "192.0.2.2"),
  ];
  const scene = new Scene(hosts);
  scene.world.resolver.setAddresses("smart.example", ["192.0.2.1"]);
  const sinks = [await scene.sink("192.0.2.1"), await scene.sink("192.0.2.2")];
  for (let sent = 0; sent < 6; sent++) await scene.to("x@absent.example", "y@other.example");
  assert.deepEqual(
    sinks.map(({ messages }) => messages.length),
    [3, 3],
  );
  assert.equal(sinks[0]?.messages[0]?.forwardPaths.length, 2);
});

test("relay sends to the other host when one is down, and defers when none is found", async () => {
  const hosts: readonly RelayHost[] = [hostAt("smtp", "192.0.2.1"), hostAt("smtp", "192.0.2.2")];
  const scene = new Scene(hosts);
  const second = await scene.sink("192.0.2.2");
  await scene.to("x@server.example");
  await scene.to("x@server.example");
  assert.equal(second.messages.length, 2);
  const lost = new Scene([hostAt("smtp", "absent.example")]);
  assert.deepEqual(await lost.to("x@y.example"), ["deferred | 4.4.4 | Host not found | "]);
});

test("relay speaks LMTP to hosts that say so", async () => {
  const scene = new Scene([hostAt("lmtp", "192.0.2.1")]);
  const sink = await scene.sink("192.0.2.1", {
    dialect: "lmtp",
    reply: (line) => (line === "TEXT y@b.example" ? "550 5.2.2 Full" : undefined),
  });
  assert.deepEqual(await scene.to("x@a.example", "y@b.example"), [
    "delivered | 2.0.0 | 250 2.0.0 Taken | 192.0.2.1 [192.0.2.1]",
    "failed | 5.2.2 | 550 5.2.2 Full | 192.0.2.1 [192.0.2.1]",
  ]);
  assert.deepEqual(sink.messages[0]?.forwardPaths, ["x@a.example"]);
});

test("relay tells envelopes of different domains and unknown actions apart", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  await scene.sink("192.0.2.1");
  assert.deepEqual(await scene.to("x@a.example", "y@absent.example"), [
    "delivered | 2.0.0 | 250 2.0.0 Taken | a.example [192.0.2.1]",
    "failed | 5.1.2 | Domain does not exist | ",
  ]);
  assert.deepEqual(await scene.results(taskOf(["x@a.example"], TEXT, { action: "gone" })), [
    "deferred | 4.3.5 | No such relay action | ",
  ]);
});

test("relay takes an exchanger that greets by our name for a loop, and tries none behind it", async () => {
  const scene = new Scene();
  const { resolver } = scene.world;
  resolver.setMx("server.example", [mx(10, "a.example"), mx(20, "b.example")]);
  resolver.setAddresses("a.example", ["127.0.0.1"]);
  resolver.setAddresses("b.example", ["192.0.2.2"]);
  await scene.sink("127.0.0.1", {
    reply: (line) => (line === "BANNER" ? "220 Client.Example ESMTP" : undefined),
  });
  const second = await scene.sink("192.0.2.2");
  assert.deepEqual(await scene.to("x@server.example"), [
    "loop | 5.4.6 | Mail for this host loops back to us (at BANNER) | a.example [127.0.0.1]",
  ]);
  assert.equal(second.sessions, 0);
});

test("relay for which we are the second exchanger waits for the first one", async () => {
  const scene = new Scene();
  const { resolver } = scene.world;
  resolver.setMx("server.example", [mx(10, "a.example"), mx(20, "b.example")]);
  resolver.setAddresses("a.example", ["192.0.2.1"]);
  resolver.setAddresses("b.example", ["127.0.0.1"]);
  await scene.sink("127.0.0.1", {
    reply: (line) => (line === "BANNER" ? "220 client.example ESMTP" : undefined),
  });
  assert.deepEqual(await scene.to("x@server.example"), [
    "deferred | 4.4.1 | Connection refused (at CONNECT) | a.example [192.0.2.1]",
  ]);
});

test("relay to a host of its action does not mind the host's name", async () => {
  const scene = new Scene([hostAt("smtp", "127.0.0.1")]);
  await scene.sink("127.0.0.1", {
    reply: (line) => (line === "BANNER" ? "220 client.example ESMTP" : undefined),
  });
  assert.match((await scene.to("x@server.example"))[0] ?? "", /^delivered/);
});
