/** `mta limit` of connections, routes put aside, blocks, and what is told of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { MtaLimits } from "#model/config/limits.ts";
import type { DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { NO_TERMS } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction, tableOf, toHostAt, toHosts } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { Relay } from "./relay.ts";
import { capsOf, DEFAULT_LIMITS, MAX_CONNECTIONS } from "./relay-limits.ts";
import { RelayMemory } from "./relay-memory.ts";

const DAY_MS = 86_400_000;
const TEXT = "Subject: x\r\n\r\nhello\r\n";

class Scene {
  readonly world = new SimWorld(1);
  readonly events: Event[] = [];
  readonly memory: RelayMemory;
  readonly relay: Relay;
  readonly #action: RelayAction;

  constructor(limits: Partial<MtaLimits> = {}, fields: Partial<RelayAction> = {}) {
    this.memory = new RelayMemory(this.world.clock, (event) => void this.events.push(event));
    this.#action = relayAction("out", fields);
    this.relay = this.another(limits);
  }

  /** Of another configuration. */
  another(limits: Partial<MtaLimits> = {}): Relay {
    const { network, clock, random, resolver, tls } = this.world;
    return new Relay(
      { network, clock, random, resolver },
      new Map([["out", this.#action]]),
      relayParties(tls),
      {
        memory: this.memory,
        limits: { ...DEFAULT_LIMITS, mtaLimits: { ...DEFAULT_LIMITS.mtaLimits, ...limits } },
      },
    );
  }

  /** A server of its own for each name, which is also a domain. */
  async server(name: string, address: string, settings: SinkSettings = {}): Promise<Sink> {
    this.world.resolver.setAddresses(name, [address]);
    const sink = new Sink({ extensions: ["PIPELINING"], ...settings });
    await sink.listen(this.world.network, at(address));
    return sink;
  }

  mx(domain: string, ...exchanges: readonly (readonly [number, string])[]): void {
    const records = exchanges.map(([preference, exchange]) => ({ preference, exchange }));
    this.world.resolver.setMx(domain, records);
  }

  attempt(domain: string, relay: Relay = this.relay): Promise<readonly DeliveryResult[]> {
    return relay.attempt(letter(domain));
  }

  async send(domain: string): Promise<string> {
    return words(await this.settle(this.attempt(domain)));
  }

  settle<T>(attempt: Promise<T>): Promise<T> {
    return this.world.clock.runUntilSettled(attempt, DAY_MS);
  }

  /** From the start of the scene. */
  get nowMs(): number {
    return this.world.clock.monotonicMs();
  }

  heldForMs(result: DeliveryResult | undefined): number {
    return (result?.held?.untilMs ?? 0) - this.world.clock.wallMs();
  }
}

function at(address: string, port = 25): Endpoint {
  return { kind: "tcp", host: address, port };
}

function letter(domain: string): DeliveryTask {
  return taskOf([`bob@${domain}`], TEXT);
}

function words(results: readonly DeliveryResult[]): string {
  return results
    .map(({ outcome, status, diagnostic, held }) =>
      [outcome, status, diagnostic, ...(held ? [`[${held.limit}]`] : [])].join(" "),
    )
    .join(", ");
}

function silentAtMail(line: string): string | undefined {
  return line.startsWith("MAIL") ? "silent" : undefined;
}

const TAKEN = "delivered 2.0.0 250 2.0.0 Taken";
const NOT_REACHED = "deferred 4.4.1 Connection refused (at CONNECT)";

test("a server that could not be reached is left alone, and the mail held until it may be tried", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("far.example", ["192.0.2.1"]);
  assert.equal(await scene.send("far.example"), NOT_REACHED);
  const results = await scene.settle(scene.attempt("far.example"));
  assert.equal(
    words(results),
    "deferred 4.4.1 Network error on destination MXs: far.example [192.0.2.1]: " +
      "Connection refused (at CONNECT) [mta disabled route]",
  );
  assert.equal(Math.round(scene.heldForMs(results[0]) / 1000), 15);
  await scene.world.clock.advance(15_000);
  await scene.server("far.example", "192.0.2.1");
  assert.equal(await scene.send("far.example"), TAKEN);
  assert.deepEqual(
    scene.events.map(({ kind }) => kind),
    ["route-disabled", "route-enabled"],
  );
});

test("a server that greets with a refusal is left alone in other words", async () => {
  const scene = new Scene();
  await scene.server("far.example", "192.0.2.1", {
    reply: (line) => (line === "BANNER" ? "554 5.7.1 Go away" : undefined),
  });
  await scene.send("far.example");
  assert.equal(
    await scene.send("far.example"),
    "deferred 4.4.1 Destination seem to reject all mails: far.example [192.0.2.1]: " +
      "554 5.7.1 Go away [mta disabled route]",
  );
});

test("mail that wants more than a server has puts it aside for nobody else", async () => {
  const scene = new Scene();
  await scene.server("old.example", "192.0.2.1", {
    reply: (line) => (line.startsWith("EHLO") ? "502 5.5.1 Not known" : undefined),
  });
  const { message, ...task } = letter("old.example");
  const wanting = { ...message, terms: { ...NO_TERMS, tls: "required" as const } };
  for (let count = 0; count < 3; count++) {
    const results = await scene.settle(scene.relay.attempt({ ...task, message: wanting }));
    assert.equal(words(results), "deferred 4.5.1 502 5.5.1 Not known");
  }
  assert.equal(await scene.send("old.example"), TAKEN);
  assert.deepEqual(scene.events, []);
});

test("a server that is not there is put aside at its own port alone", async () => {
  const scene = new Scene({}, { to: toHostAt("smtp://127.0.0.1:10026") });
  const filter = new Sink({ extensions: [] });
  await filter.listen(scene.world.network, at("127.0.0.1", 10_026));
  const { network, clock, random, resolver, tls } = scene.world;
  const dead = new Relay(
    { network, clock, random, resolver },
    new Map([["out", relayAction("out", { to: toHostAt("smtp://127.0.0.1:10024") })]]),
    relayParties(tls),
    { memory: scene.memory, limits: DEFAULT_LIMITS },
  );
  assert.equal(words(await scene.settle(scene.attempt("far.example", dead))), NOT_REACHED);
  assert.equal(await scene.send("far.example"), TAKEN);
  const shown = scene.memory.report("routes");
  assert.deepEqual(
    shown.kind === "routes" && shown.routes.map(({ address, isDisabled }) => [address, isDisabled]),
    [
      ["127.0.0.1:10024", true],
      ["127.0.0.1:10026", false],
    ],
  );
});

test("some domains whose servers never answer do not keep the mail of all others", async () => {
  const scene = new Scene();
  for (let domain = 0; domain < 8; domain++) {
    const addresses = Array.from({ length: 8 }, (_, host) => `198.51.${domain}.${host + 1}`);
    scene.world.resolver.setAddresses(`tar${domain}.example`, addresses);
    for (const address of addresses) {
      const sink = new Sink({ extensions: [], reply: silentAtMail });
      await sink.listen(scene.world.network, at(address));
    }
  }
  const waiting: Promise<unknown>[] = [];
  for (let wave = 0; wave < 8; wave++) {
    for (let count = 0; count < 8 * 8; count++)
      waiting.push(scene.attempt(`tar${count % 8}.example`));
    await scene.world.clock.advance(1000);
  }
  await scene.server("good.example", "192.0.2.1");
  const sentAtMs = scene.nowMs;
  assert.equal(await scene.send("good.example"), TAKEN);
  assert.ok(scene.nowMs - sentAtMs < 10_000, `after ${scene.nowMs - sentAtMs} ms`);
  await scene.settle(Promise.all(waiting));
});

test("a server that is left alone keeps no mail from the next one", async () => {
  const scene = new Scene();
  scene.mx("far.example", [10, "a.example"], [20, "b.example"]);
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  const second = await scene.server("b.example", "192.0.2.2");
  await scene.send("far.example");
  const connections = scene.memory.hosts.known("192.0.2.1")?.lastConnectionAtMs;
  await scene.world.clock.advance(1000);
  assert.equal(await scene.send("far.example"), TAKEN);
  assert.equal(scene.memory.hosts.known("192.0.2.1")?.lastConnectionAtMs, connections);
  assert.equal(second.messages.length, 2);
});

test("mail does not fail for good while a server that is left alone may still take it", async () => {
  const scene = new Scene();
  scene.mx("far.example", [10, "a.example"], [20, "b.example"]);
  scene.world.resolver.setAddresses("a.example", ["192.0.2.1"]);
  await scene.server("b.example", "192.0.2.2", { reply: () => "521 5.3.2 No mail here" });
  const held =
    "deferred 4.4.1 Network error on destination MXs: a.example [192.0.2.1]: " +
    "Connection refused (at CONNECT)";
  assert.equal(await scene.send("far.example"), NOT_REACHED);
  assert.equal(await scene.send("far.example"), `${held} [mta disabled route]`);
});

test("an operator may have a route tried again", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("far.example", ["192.0.2.1"]);
  await scene.send("far.example");
  const answer = scene.memory.report("routes");
  assert.ok(answer.kind === "routes");
  const [route] = answer.routes;
  assert.deepEqual(
    [route?.id, route?.isDisabled, route?.penalty, route?.errors, route?.lastFailure.reason],
    [1, true, 1, 1, "Connection refused (at CONNECT)"],
  );
  assert.equal(route?.isNew, true);
  assert.deepEqual([scene.memory.resumeRoute(2), scene.memory.resumeRoute(1)], [false, true]);
  assert.equal(scene.memory.resumeRoute(1), false);
  assert.equal(await scene.send("far.example"), NOT_REACHED);
});

test("a server without room is waited for, not passed over for one that is less preferred", async () => {
  const scene = new Scene({ maxConnPerHost: 2 });
  scene.mx("far.example", [10, "a.example"], [20, "b.example"]);
  const [first, second] = [
    await scene.server("a.example", "192.0.2.1"),
    await scene.server("b.example", "192.0.2.2"),
  ];
  const sent = await scene.settle(
    Promise.all(Array.from({ length: 20 }, () => scene.attempt("far.example"))),
  );
  assert.deepEqual(new Set(sent.map(words)), new Set([TAKEN]));
  assert.deepEqual([first.messages.length, second.messages.length], [20, 0]);
  assert.ok(first.sessions <= 2);
});

test("of servers that are preferred alike those with room are used", async () => {
  const scene = new Scene({ maxConnPerHost: 1 });
  scene.mx("far.example", [10, "a.example"], [10, "b.example"]);
  const sinks = [
    await scene.server("a.example", "192.0.2.1"),
    await scene.server("b.example", "192.0.2.2"),
  ];
  await scene.settle(Promise.all(Array.from({ length: 20 }, () => scene.attempt("far.example"))));
  for (const sink of sinks) assert.ok(sink.messages.length >= 5, `${sink.messages.length}`);
});

test("an address has its limit whatever the domain, over all configurations", async () => {
  const scene = new Scene({ maxConnPerHost: 2 });
  const sink = new Sink({ extensions: ["PIPELINING"] });
  await sink.listen(scene.world.network, at("192.0.2.1"));
  let most = 0;
  const watch = (): void => {
    most = Math.max(most, sink.openConnections);
    if (sink.messages.length < 20) scene.world.clock.after(1, watch);
  };
  watch();
  const after = scene.another({ maxConnPerHost: 2 });
  const attempts = Array.from({ length: 20 }, (_, n) => {
    scene.world.resolver.setAddresses(`d${n}.example`, ["192.0.2.1"]);
    return scene.attempt(`d${n}.example`, n % 2 === 0 ? scene.relay : after);
  });
  const sent = await scene.settle(Promise.all(attempts));
  assert.deepEqual(new Set(sent.map(words)), new Set([TAKEN]));
  assert.equal(most, 2);
});

test("connections of one source are counted over all servers", async () => {
  const scene = new Scene({ maxConnPerSource: 2, sessionKeepaliveMs: 600_000 });
  for (let n = 1; n <= 9; n++) await scene.server(`d${n}.example`, `192.0.2.${n}`);
  const attempts = Array.from({ length: 9 }, (_, n) => scene.attempt(`d${n + 1}.example`));
  const sent = await scene.settle(Promise.all(attempts));
  assert.deepEqual(new Set(sent.map(words)), new Set([TAKEN]));
  assert.ok(scene.nowMs < 10_000, "an idle connection makes room");
  assert.ok(scene.memory.hosts.hosts().filter(({ open }) => open > 0).length <= 2);
});

test("a short pause is waited for, and a long one in the queue", async () => {
  const short = new Scene({ connDelayHostMs: 5000, sessionKeepaliveMs: 0 });
  await short.server("far.example", "192.0.2.1");
  await short.send("far.example");
  assert.equal(await short.send("far.example"), TAKEN);
  assert.ok(short.nowMs >= 5000);

  const long = new Scene({ connDelayRouteMs: 600_000, sessionKeepaliveMs: 0 });
  await long.server("far.example", "192.0.2.1");
  await long.send("far.example");
  const results = await long.settle(long.attempt("far.example"));
  assert.equal(
    words(results),
    "deferred 4.3.0 No connection may be opened yet: mta conn-delay-route [mta conn-delay-route]",
  );
  assert.equal(Math.round(long.heldForMs(results[0]) / 60_000), 10);
});

test("while a connection stands no pause before the next one keeps mail back", async () => {
  const scene = new Scene({ connDelayRelayMs: 600_000 });
  const sink = await scene.server("far.example", "192.0.2.1");
  await scene.send("far.example");
  const sent = await scene.settle(
    Promise.all(Array.from({ length: 5 }, () => scene.attempt("far.example"))),
  );
  assert.deepEqual(new Set(sent.map(words)), new Set([TAKEN]));
  assert.equal(sink.sessions, 1);
});

test("only addresses of the family that a limit names are used", async () => {
  const scene = new Scene({ family: "inet4" });
  scene.world.resolver.setAddresses("far.example", ["2001:db8::1", "192.0.2.1"]);
  scene.world.resolver.setAddresses("six.example", ["2001:db8::1"]);
  const sinks = [new Sink(), new Sink()];
  await sinks[0]?.listen(scene.world.network, at("2001:db8::1"));
  await sinks[1]?.listen(scene.world.network, at("192.0.2.1"));
  assert.equal(await scene.send("far.example"), TAKEN);
  assert.equal(
    await scene.send("six.example"),
    "deferred 4.4.4 Address family mismatch on destination MXs",
  );
  assert.deepEqual(
    sinks.map((sink) => sink?.sessions),
    [0, 1],
  );
});

test("a source that is blocked for a domain is passed over, and nothing goes when all are", async () => {
  const src = tableOf("src", "192.0.2.101", "192.0.2.102");
  const scene = new Scene({}, { src });
  await scene.server("far.example", "192.0.2.1");
  await scene.server("near.example", "192.0.2.2");
  scene.memory.block([{ source: "192.0.2.101", domain: "far.example" }]);
  for (let sent = 0; sent < 4; sent++) assert.equal(await scene.send("far.example"), TAKEN);
  const routes = (): readonly string[] => {
    const answer = scene.memory.report("routes");
    if (answer.kind !== "routes") return [];
    return answer.routes.map(({ source, address }) => `${source} ${address}`);
  };
  assert.deepEqual(routes(), ["192.0.2.102 192.0.2.1"]);
  scene.memory.block([
    { source: "192.0.2.101", domain: "" },
    { source: "192.0.2.102", domain: "far.example" },
  ]);
  assert.equal(await scene.send("far.example"), "deferred 4.4.4 All routes to destination blocked");
  assert.equal(await scene.send("near.example"), TAKEN);
});

test("a relay says what it has under way, where, and how hosts and domains did", async () => {
  const scene = new Scene({}, { to: toHosts("hub.example") });
  await scene.server("hub.example", "192.0.2.1", {
    reply: (line, session) =>
      line.startsWith("RCPT") && session === 1 ? "421 4.3.2 Closing" : undefined,
  });
  assert.equal(await scene.send("a.example"), "deferred 4.3.2 421 4.3.2 Closing");
  await scene.world.clock.advance(10);
  const attempt = scene.attempt("b.example");
  await scene.world.clock.settle();
  const relays = scene.memory.report("relays");
  assert.ok(relays.kind === "relays");
  assert.deepEqual(
    relays.relays.map((relay) => [relay.action, relay.domain, relay.scheme, relay.tasks]),
    [["out", "hub.example", "smtp", 1]],
  );
  assert.equal(relays.relays[0]?.connections, 1);
  assert.equal(relays.relays[0]?.connectors[0]?.connections, 1);
  await scene.settle(attempt);
  const hosts = scene.memory.report("hosts");
  assert.ok(hosts.kind === "hosts");
  assert.deepEqual(
    hosts.hosts.map(({ address, name, references, connections, lastFailure }) => [
      address,
      name,
      references,
      connections,
      lastFailure.reason,
    ]),
    [["192.0.2.1", "hub.example", 1, 1, "421 4.3.2 Closing"]],
  );
  const domains = scene.memory.report("domains");
  assert.ok(domains.kind === "domains");
  assert.deepEqual(
    domains.domains.map(({ domain, status }) => [domain, status]),
    [
      ["a.example", "421 4.3.2 Closing"],
      ["b.example", "250 2.0.0 Taken"],
    ],
  );
  await scene.world.clock.advance(20_000);
  assert.deepEqual(scene.memory.report("relays"), { kind: "relays", relays: [], leftOut: 0 });
});

test("what a domain said has the time when it was said, not when the attempt began", async () => {
  const scene = new Scene();
  const lateMs = 30_000;
  await scene.server("far.example", "192.0.2.1", { reply: silentAtMail });
  const beganMs = scene.world.clock.wallMs();
  await scene.send("far.example");
  const domains = scene.memory.report("domains");
  assert.ok(domains.kind === "domains");
  const [said] = domains.domains;
  assert.ok(said !== undefined && said.atMs - beganMs > lateMs);
});

test("what limit holds a relay back is told of each by its own name", async () => {
  for (const [limit, flag] of [
    ["maxConnPerHost", "LIMIT_HOST"],
    ["maxConnPerRoute", "LIMIT_ROUTE"],
    ["maxConnPerSource", "LIMIT_SOURCE"],
    ["maxConnPerConnector", "LIMIT_CONN"],
    ["maxConnPerRelay", "LIMIT_RELAY"],
    ["maxConnPerDomain", "LIMIT_DOMAIN"],
  ] as const) {
    const scene = new Scene({ [limit]: 1 });
    await scene.server("far.example", "192.0.2.1", { reply: silentAtMail });
    void scene.attempt("far.example");
    await scene.world.clock.advance(100);
    void scene.attempt("far.example");
    await scene.world.clock.advance(100);
    assert.deepEqual(flagsOf(scene), [flag], limit);
  }
});

test("the limit of all connections together is told as that", async () => {
  const scene = new Scene();
  await scene.server("far.example", "192.0.2.1", { reply: silentAtMail });
  void scene.attempt("far.example");
  await scene.world.clock.advance(100);
  for (let n = 1; n < MAX_CONNECTIONS; n++) {
    const others = { address: `${n}`, source: `${n}`, relay: `${n}`, domain: `${n}` };
    scene.memory.limits.enter(capsOf(DEFAULT_LIMITS.mtaLimits, others));
  }
  void scene.attempt("far.example");
  await scene.world.clock.advance(100);
  assert.deepEqual(flagsOf(scene), ["LIMIT_ALL"]);
});

function flagsOf(scene: Scene): readonly string[] {
  const relays = scene.memory.report("relays");
  assert.ok(relays.kind === "relays");
  return relays.relays.flatMap(({ connectors }) => connectors.flatMap(({ flags }) => flags));
}
