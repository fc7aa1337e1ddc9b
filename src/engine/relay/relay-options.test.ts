import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { MxRecord } from "#base/ports/resolver.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Table } from "#model/config/table.ts";
import type { DeliveryTask } from "#model/delivery.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { envelopeOf, taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink } from "#test/support/sink.ts";
import type { RelayParties } from "./parties.ts";
import { Relay } from "./relay.ts";

const DAY_MS = 86_400_000;
const TEXT = "Subject: x\r\n\r\nhello\r\n";

function table(entries: Readonly<Record<string, string>>): Table {
  return {
    at: { file: "smtpd.conf", line: 1, column: 1 },
    name: "t",
    source: { kind: "inline" },
    shape: "mapping",
    entries: new Map(Object.entries(entries)),
  };
}

function mx(preference: number, exchange: string): MxRecord {
  return { preference, exchange };
}

function askTable({ entries }: Table, _: string, key: string): Lookup<string> {
  const value = entries.get(key);
  return value === undefined ? ABSENT : { kind: "found", value };
}

const OURS: Pick<RelayParties, "isOurs"> = {
  isOurs: (at) => at.kind === "tcp" && at.host === "192.0.2.9",
};

function greetings({ lines }: Sink): readonly string[] {
  return lines.filter((line) => line.startsWith("EHLO"));
}

class Scene {
  readonly world = new SimWorld(1);
  readonly relay: Relay;

  constructor(
    action: Partial<RelayAction>,
    parties: Partial<RelayParties> = {},
    others: Readonly<Record<string, Partial<RelayAction>>> = {},
  ) {
    const { network, clock, random, resolver, tls } = this.world;
    const ports = { network, clock, random, resolver };
    this.relay = new Relay(
      ports,
      new Map(
        Object.entries({ out: action, ...others }).map(([name, each]) => [
          name,
          relayAction(name, each),
        ]),
      ),
      relayParties(tls, { askTable, ...parties }),
    );
  }

  /** A server of that name and address. */
  async server(name: string, ...addresses: readonly string[]): Promise<Sink> {
    this.world.resolver.setAddresses(name, addresses);
    const sink = new Sink();
    for (const host of addresses)
      await sink.listen(this.world.network, { kind: "tcp", host, port: 25 });
    return sink;
  }

  async send(task: DeliveryTask = taskOf(["x@far.example"], TEXT)): Promise<readonly string[]> {
    const attempt = this.relay.attempt(task);
    const results = await this.world.clock.runUntilSettled(attempt, DAY_MS);
    return results.map(({ outcome, status, diagnostic }) => `${outcome} ${status} ${diagnostic}`);
  }
}

const DELIVERED = "delivered 2.0.0 250 2.0.0 Taken";

test("relay as a backup tries only the exchangers that are preferred to it", async () => {
  const scene = new Scene({ to: { kind: "backup", name: "MX2.far.example" } });
  scene.world.resolver.setMx("far.example", [
    mx(10, "mx1.far.example"),
    mx(20, "mx2.far.example"),
    mx(20, "mx3.far.example"),
    mx(30, "mx4.far.example"),
  ]);
  scene.world.resolver.setAddresses("mx1.far.example", ["192.0.2.1"]);
  const others = [
    await scene.server("mx2.far.example", "192.0.2.2"),
    await scene.server("mx3.far.example", "192.0.2.3"),
    await scene.server("mx4.far.example", "192.0.2.4"),
  ];
  assert.deepEqual(await scene.send(), ["deferred 4.4.1 Connection refused (at CONNECT)"]);
  const first = await scene.server("mx1.far.example", "192.0.2.1");
  await scene.world.clock.advance(15_000);
  assert.deepEqual(await scene.send(), [DELIVERED]);
  assert.deepEqual([first.sessions, ...others.map(({ sessions }) => sessions)], [1, 0, 0, 0]);
});

test("relay as the first exchanger's backup has nobody to send to, and waits", async () => {
  const scene = new Scene({ to: { kind: "backup", name: "mx1.far.example" } });
  scene.world.resolver.setMx("far.example", [mx(10, "mx1.far.example"), mx(20, "mx2.far.example")]);
  assert.deepEqual(await scene.send(), ["deferred 4.4.4 No MX found for domain"]);
});

test("relay as a backup that is no exchanger takes any", async () => {
  const scene = new Scene({ to: { kind: "backup", name: "elsewhere.example" } });
  scene.world.resolver.setMx("far.example", [mx(10, "mx1.far.example")]);
  await scene.server("mx1.far.example", "192.0.2.1");
  assert.deepEqual(await scene.send(), [DELIVERED]);
});

test("relay sends to the host that a table has for the domain", async () => {
  const hosts = table({ "far.example": "smtp://store.example", "bad.example": "http://x" });
  const scene = new Scene({ to: { kind: "domain", table: hosts } });
  await scene.server("store.example", "192.0.2.1");
  assert.deepEqual(
    await scene.send(taskOf(["x@far.example", "y@no.example", "z@bad.example"], TEXT)),
    [
      DELIVERED,
      "deferred 4.3.5 Cannot retrieve smarthost",
      "deferred 4.3.5 Cannot parse smarthost",
    ],
  );
});

test("relay connects from its sources in turn, by those of the server's family", async () => {
  const src = table({ "198.51.100.1": "", "198.51.100.2": "", "[2001:db8::5]": "" });
  const heloSrc = table({
    "198.51.100.1": "one.example",
    "198.51.100.2": "two.example",
    "2001:db8::5": "six.example",
  });
  const scene = new Scene({ src, heloSrc });
  const four = await scene.server("far.example", "192.0.2.1");
  const six = await scene.server("six.far.example", "2001:db8::25");
  for (let n = 0; n < 3; n++) assert.deepEqual(await scene.send(), [DELIVERED]);
  await scene.send(taskOf(["x@six.far.example"], TEXT));
  // The third message finds the first one's connection.
  assert.deepEqual(greetings(four), ["EHLO one.example", "EHLO two.example"]);
  assert.deepEqual(greetings(six), ["EHLO six.example"]);
});

function asked(name: string): Table {
  return { ...table({}), name, source: { kind: "db", path: `/${name}.db` }, shape: "remote" };
}

test("relay goes by the hosts and from the addresses of tables that are asked, in turn", async () => {
  const hosts = ["smtp://far.example", "smtp://near.example:bad", "smtp://near.example"];
  const scene = new Scene(
    { to: { kind: "hosts", table: asked("hosts"), hosts: [] }, src: asked("sources") },
    { fetchKeys: async ({ name }) => found(name === "hosts" ? hosts : ["192.0.2.100"]) },
  );
  const far = await scene.server("far.example", "192.0.2.1");
  const near = await scene.server("near.example", "192.0.2.2");
  for (let n = 0; n < 4; n++) assert.deepEqual(await scene.send(), [DELIVERED]);
  assert.deepEqual([far.messages.length, near.messages.length], [2, 2]);
});

const UNASKED: readonly (readonly [why: string, Lookup<readonly string[]>, string])[] = [
  ["that cannot be asked", { kind: "unavailable", cause: new Error("gone") }, "retrieve"],
  ["that is empty", found([]), "retrieve"],
  ["that has no hosts", found(["gopher://far.example"]), "parse"],
];

for (const [why, answer, what] of UNASKED) {
  test(`relay waits where its hosts are in a table ${why}`, async () => {
    const to = { kind: "hosts", table: asked("hosts"), hosts: [] } as const;
    const scene = new Scene({ to }, { fetchKeys: () => answer });
    assert.deepEqual(await scene.send(), [`deferred 4.3.5 Cannot ${what} smarthost`]);
  });
}

test("relay waits where its addresses are in a table that cannot be asked", async () => {
  const answer = { kind: "unavailable", cause: new Error("gone") } as const;
  const scene = new Scene({ src: asked("sources") }, { fetchKeys: () => answer });
  await scene.server("far.example", "192.0.2.1");
  assert.deepEqual(await scene.send(), ["deferred 4.3.5 Could not retrieve source address"]);
});

test("relay waits where none of its sources is of the server's family", async () => {
  const scene = new Scene({ src: table({ "198.51.100.1": "" }) });
  await scene.server("far.example", "2001:db8::25");
  const why = "Address family mismatch on destination MXs";
  assert.deepEqual(await scene.send(), [`deferred 4.4.4 ${why}`]);
});

test("relay waits where it has no name for the address that it came from", async () => {
  const scene = new Scene({ heloSrc: table({ "198.51.100.1": "one.example" }) });
  await scene.server("far.example", "192.0.2.1");
  const why = "Failed to retrieve helo string (at CONNECT)";
  assert.deepEqual(await scene.send(), [`deferred 4.4.5 ${why}`]);
});

test("relay sends with the sender that its action names, in a transaction of its own", async () => {
  const scene = new Scene({ mailFrom: "@out.example" });
  const sink = await scene.server("far.example", "192.0.2.1");
  assert.deepEqual(await scene.send(), [DELIVERED]);
  assert.equal(sink.messages[0]?.reversePath, "sender@out.example");
});

test("relay rewrites the sender of what was forwarded, and of nothing else", async () => {
  const scene = new Scene(
    { srs: true },
    { srs: { key: "k", backupKey: undefined, ttlMs: DAY_MS } },
  );
  const sink = await scene.server("far.example", "192.0.2.1");
  const task = taskOf(["x@far.example"], TEXT);
  const forwarded = envelopeOf("y@far.example", { forwardPath: "list@here.example" });
  await scene.send({ ...task, envelopes: [...task.envelopes, forwarded] });
  assert.deepEqual(
    sink.messages.map(({ reversePath, forwardPaths }) => [
      reversePath.replace(/=....=..=/u, "=HHHH=TT="),
      ...forwardPaths,
    ]),
    [
      ["sender@client.example", "x@far.example"],
      ["SRS0=HHHH=TT=client.example=sender@here.example", "y@far.example"],
    ],
  );
});

test("relay does not send to itself, and returns the mail as a loop (OUT-27)", async () => {
  const scene = new Scene({}, OURS);
  scene.world.resolver.setMx("far.example", [mx(10, "us.example"), mx(20, "mx2.far.example")]);
  const us = await scene.server("us.example", "192.0.2.9");
  const second = await scene.server("mx2.far.example", "192.0.2.2");
  assert.deepEqual(await scene.send(), ["loop 5.4.6 Mail for this host loops back to us"]);
  assert.deepEqual([us.sessions, second.sessions], [0, 0]);
});

test("relay waits for an exchanger that is preferred to itself", async () => {
  const scene = new Scene({}, OURS);
  scene.world.resolver.setMx("far.example", [mx(10, "mx1.far.example"), mx(20, "us.example")]);
  scene.world.resolver.setAddresses("mx1.far.example", ["192.0.2.1"]);
  await scene.server("us.example", "192.0.2.9");
  assert.deepEqual(await scene.send(), ["deferred 4.4.1 Connection refused (at CONNECT)"]);
});

test("relay takes turns with the families of a host, and waits longest for the last address", async () => {
  const scene = new Scene({});
  scene.world.resolver.setAddresses("far.example", [
    "2001:db8::1",
    "2001:db8::2",
    "192.0.2.1",
    "192.0.2.2",
  ]);
  const tried: string[] = [];
  const { network } = scene.world;
  const connect = network.connect.bind(network);
  network.connect = async (endpoint, options) => {
    const host = endpoint.kind === "tcp" ? endpoint.host : endpoint.path;
    tried.push(`${host} for ${options.timeoutMs / 1000} s`);
    return connect(endpoint, options);
  };
  await scene.send();
  assert.deepEqual(tried, [
    "2001:db8::1 for 10 s",
    "192.0.2.1 for 10 s",
    "2001:db8::2 for 10 s",
    "192.0.2.2 for 30 s",
  ]);
});

for (const [name, text, is] of [
  ["sends a text that keeps to ASCII, whatever was said of it,", TEXT, DELIVERED],
  [
    "returns a text beyond ASCII",
    "Subject: x\r\n\r\n\xe9t\xe9\r\n",
    "failed 5.6.3 Message needs 8BITMIME, which the server does not offer",
  ],
] as const) {
  test(`relay ${name} to a server without 8BITMIME`, async () => {
    const scene = new Scene({});
    const sink = await scene.server("far.example", "192.0.2.1");
    const task = taskOf(["x@far.example"], text);
    assert.deepEqual(await scene.send({ ...task, message: { ...task.message, is8bit: true } }), [
      is,
    ]);
    assert.equal(sink.lines.includes("MAIL FROM:<sender@client.example>"), is === DELIVERED);
  });
}

test("relay shares neither connections nor transactions between two actions to one server", async () => {
  const scene = new Scene({}, {}, { second: { mailFrom: "second@out.example" } });
  const sink = await scene.server("far.example", "192.0.2.1");
  const task = taskOf(["x@far.example"], TEXT);
  const other = envelopeOf("y@far.example", { action: "second" });
  assert.deepEqual(await scene.send({ ...task, envelopes: [...task.envelopes, other] }), [
    DELIVERED,
    DELIVERED,
  ]);
  assert.equal(sink.sessions, 2);
  assert.deepEqual(
    sink.messages.map(({ reversePath }) => reversePath),
    ["sender@client.example", "second@out.example"],
  );
});
