import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionHandler, Network } from "#base/ports/network.ts";
import type { TlsClient } from "#base/ports/tls.ts";
import { formatVerdict } from "#protocols/smtp/client-session-verdict.ts";
import type { Event } from "#model/events.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import type { TransportPolicy } from "#policy/transport/transport-policy.ts";
import { SimWorld } from "#world/sim/world.ts";
import { textOf } from "#test/support/deliveries.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { ClientPool } from "./client-pool.ts";
import { type ClientRoute, NO_WATCH, type SessionLimits } from "./client-route.ts";
import type { SendOutcome } from "./client-settings.ts";
import { type Cap, ConnectionLimits } from "./connection-limits.ts";

const AT = { kind: "tcp", host: "192.0.2.1", port: 25 } as const;
const SESSION: SessionLimits = {
  maxMails: 1000,
  keepAliveMs: 10_000,
  pauseMs: 0,
  maxRefusals: Infinity,
};

/** What a scene has of a limit on all its connections, and of what each is used for. */
type Limits = Partial<SessionLimits> & Partial<Pick<Cap, "max" | "delayMs" | "reconnectMs">>;

function routeWith({ max = 10, delayMs = 0, reconnectMs = 0, ...session }: Limits): ClientRoute {
  const words = { max: "max", delay: "delay", reconnect: "reconnect", flag: "LIMIT_HOST" } as const;
  return {
    key: "out|192.0.2.1:25",
    endpoint: AT,
    dialect: "smtp",
    helo: "client.example",
    host: "mx.example",
    relay: "",
    session: { ...SESSION, ...session },
    caps: () => [{ key: "all", of: "part", max, delayMs, reconnectMs, words }],
  };
}

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const REQUIRED: TransportPolicy = { kind: "required", proof: { kind: "none" } };
const TEXT = textOf("Subject: x\r\n\r\n");
const HOUR_MS = 3_600_000;

class Scene {
  // What is received in pieces is the client's own business: here texts are long.
  readonly world = new SimWorld(1, { network: { chunkBytes: "whole" } });
  readonly events: Event[] = [];
  readonly sink: Sink;
  readonly pool: ClientPool;
  readonly route: ClientRoute;

  constructor(sink: SinkSettings = {}, limits: Limits = {}) {
    this.sink = new Sink({ extensions: ["PIPELINING"], ...sink });
    this.route = routeWith(limits);
    const { network, clock, random } = this.world;
    const observe = (event: Event): void => {
      this.events.push(event);
    };
    this.pool = new ClientPool({
      network,
      clock,
      random,
      observe,
      limits: new ConnectionLimits(clock),
      watch: NO_WATCH,
    });
  }

  async listen(): Promise<this> {
    await this.sink.listen(this.world.network, AT);
    return this;
  }

  send(fields: Partial<ClientRoute> = {}, count = 1): Promise<SendOutcome> {
    const forwardPaths = Array.from({ length: count }, (_, at) => `b${at}@server.example`);
    const mail = { reversePath: "a@x", forwardPaths, textBytes: TEXT.bytes, is8bit: false };
    return this.pool.send({ ...this.route, ...fields }, mail, TEXT);
  }

  async settle(sends: readonly Promise<SendOutcome>[]): Promise<readonly string[]> {
    const outcomes = await this.world.clock.runUntilSettled(Promise.all(sends), HOUR_MS);
    return outcomes.map((outcome) => {
      const verdict = outcome.kind === "verdicts" ? outcome.verdicts[0] : outcome.verdict;
      if (verdict === undefined) throw new Error("No verdict");
      return `${outcome.kind === "verdicts" ? verdict.kind : outcome.kind}: ${formatVerdict(verdict)}`;
    });
  }
}

const TAKEN = "accepted: 250 2.0.0 Taken";

test("pool sends one message after the other over one connection", async () => {
  const scene = await new Scene().listen();
  for (let sent = 0; sent < 5; sent++)
    assert.deepEqual(await scene.settle([scene.send()]), [TAKEN]);
  assert.equal(scene.sink.sessions, 1);
});

test("pool opens no more connections of a route than it may, and lets the others wait", async () => {
  const scene = await new Scene({}, { max: 3 }).listen();
  const sends = Array.from({ length: 50 }, () => scene.send());
  assert.deepEqual(new Set(await scene.settle(sends)), new Set([TAKEN]));
  assert.equal(scene.sink.sessions, 3);
  assert.equal(scene.sink.messages.length, 50);
});

function goTls(line: string): string | undefined {
  return line === "STARTTLS" ? "220 2.0.0 Go" : undefined;
}

test("pool gives nobody else the room of a try that goes on without TLS", async () => {
  const sink = { extensions: ["STARTTLS"], reply: goTls };
  const scene = await new Scene(sink, { max: 1, keepAliveMs: 0 }).listen();
  const stumbling: TlsClient = {
    async connect(connection) {
      connection.handOver(new Uint8Array());
      connection.destroy();
      return { kind: "tls-fault", why: "handshake", message: "no shared cipher" };
    },
  };
  const security = {
    start: "starttls",
    isRequired: false,
    policy: { kind: "opportunistic" },
    tls: stumbling,
    serverName: "mx.example",
  } as const;
  const sends = ["a", "b", "c"].map((key) => scene.send({ key, security }));
  assert.deepEqual(new Set(await scene.settle(sends)), new Set([TAKEN]));
  let [open, most] = [0, 0];
  for (const { kind } of scene.events) {
    if (kind === "mta-connecting") open++;
    if (kind === "mta-disconnected") open--;
    most = Math.max(most, open);
  }
  assert.deepEqual([most, scene.sink.sessions], [1, 6]);
});

test("pool keeps its connections over bursts that its limit makes wait", async () => {
  const scene = await new Scene({}, { max: 3 }).listen();
  for (let burst = 0; burst < 5; burst++)
    await scene.settle(Array.from({ length: 20 }, () => scene.send()));
  assert.equal(scene.sink.sessions, 3);
});

test("pool quits a connection after its share of messages", async () => {
  const scene = await new Scene({}, { maxMails: 2, max: 1 }).listen();
  const sends = Array.from({ length: 5 }, () => scene.send());
  assert.deepEqual(new Set(await scene.settle(sends)), new Set([TAKEN]));
  assert.equal(scene.sink.sessions, 3);
  assert.equal(scene.sink.lines.filter((line) => line === "QUIT").length, 2);
});

test("pool quits idle connections after their time, and tells what happened", async () => {
  const scene = await new Scene().listen();
  await scene.settle([scene.send(), scene.send()]);
  await scene.world.clock.advance(9000);
  assert.equal(scene.sink.openConnections, 2);
  assert.equal(await scene.world.clock.runUntilIdle(5000), "idle");
  assert.equal(scene.sink.openConnections, 0);
  const kinds = scene.events.map(({ kind }) => kind).toSorted();
  assert.deepEqual(kinds, [
    "mta-connected",
    "mta-connected",
    "mta-connecting",
    "mta-connecting",
    "mta-disconnected",
    "mta-disconnected",
  ]);
  const ends = scene.events.filter((event) => event.kind === "mta-disconnected");
  assert.deepEqual(
    ends.map(({ reason, messages }) => [reason, messages]),
    [
      ["quit", 1],
      ["quit", 1],
    ],
  );
});

test("pool sends again over a fresh connection what a dead one did not begin", async () => {
  const scene = await new Scene().listen();
  await scene.settle([scene.send(), scene.send(), scene.send()]);
  const sent = scene.send();
  scene.sink.dropAll();
  assert.deepEqual(await scene.settle([sent]), [TAKEN]);
  assert.equal(scene.sink.messages.length, 4);
});

test("pool sends again what a kept connection answered with 421", async () => {
  let mails = 0;
  const scene = await new Scene({
    reply: (line) =>
      line.startsWith("MAIL") && ++mails === 2 ? "421 4.4.2 Idle too long" : undefined,
  }).listen();
  await scene.settle([scene.send()]);
  assert.deepEqual(await scene.settle([scene.send()]), [TAKEN]);
  assert.equal(scene.sink.sessions, 2);
});

test("pool does not send again what the server began on", async () => {
  for (const at of ["RCPT", "DATA", "TEXT"]) {
    let seen = 0;
    const scene = await new Scene({
      reply: (line) => (line.startsWith(at) && ++seen === 2 ? "drop" : undefined),
    }).listen();
    await scene.settle([scene.send()]);
    const [outcome] = await scene.settle([scene.send()]);
    assert.match(outcome ?? "", /^undecided: Server closed the connection/, at);
    assert.equal(scene.sink.sessions, 1, at);
  }
});

test("pool does not send again over a fresh connection that fails", async () => {
  const scene = await new Scene({
    reply: (line) => (line.startsWith("MAIL") ? "drop" : undefined),
  }).listen();
  const [outcome] = await scene.settle([scene.send()]);
  assert.match(outcome ?? "", /^not-started: Server closed the connection/);
  assert.equal(scene.sink.sessions, 1);
});

test("pool tells all who wait when the server cannot be reached", async () => {
  const scene = new Scene({}, { max: 2 });
  const sends = Array.from({ length: 20 }, () => scene.send());
  const outcomes = new Set(await scene.settle(sends));
  assert.deepEqual(outcomes, new Set(["not-started: Connection refused (at CONNECT)"]));
  assert.ok(scene.events.filter(({ kind }) => kind === "mta-connecting").length <= 4);
  assert.equal(await scene.world.clock.runUntilIdle(HOUR_MS), "idle");
});

test("pool tells all who wait when the server refuses to talk", async () => {
  const scene = await new Scene(
    { reply: (line) => (line === "BANNER" ? "421 4.7.0 Busy" : undefined) },
    { max: 2 },
  ).listen();
  const outcomes = await scene.settle(Array.from({ length: 20 }, () => scene.send()));
  assert.deepEqual(new Set(outcomes), new Set(["not-started: 421 4.7.0 Busy"]));
});

test("pool goes on with those who wait when a connection breaks under a message", async () => {
  let broken = 0;
  const scene = await new Scene(
    { reply: (line) => (line.startsWith("TEXT") && ++broken === 2 ? "drop" : undefined) },
    { max: 1 },
  ).listen();
  const outcomes = await scene.settle(Array.from({ length: 6 }, () => scene.send()));
  assert.equal(outcomes.filter((outcome) => outcome === TAKEN).length, 5);
});

test("pool makes room for a new route by closing an idle connection", async () => {
  const scene = await new Scene({}, { max: 1 }).listen();
  await scene.settle([scene.send()]);
  assert.deepEqual(await scene.settle([scene.send({ key: "other" })]), [TAKEN]);
  assert.equal(scene.sink.sessions, 2);
});

test("pool tells all who wait when it is closed", async () => {
  const scene = await new Scene({}, { max: 1 }).listen();
  const sends = Array.from({ length: 4 }, () => scene.send());
  await scene.world.clock.runUntilSettled(scene.pool.close(), HOUR_MS);
  const outcomes = await scene.settle(sends);
  const told = "not-started: Shutting down (at CONNECT)";
  assert.deepEqual(outcomes, [TAKEN, told, told, told]);
});

test("pool closes with QUIT, and opens nothing afterwards", async () => {
  const scene = await new Scene().listen();
  await scene.settle([scene.send()]);
  await scene.world.clock.runUntilSettled(scene.pool.close(), HOUR_MS);
  assert.equal(scene.sink.lines.at(-1), "QUIT");
  assert.deepEqual(await scene.settle([scene.send()]), ["not-started: Shutting down (at CONNECT)"]);
});

test("pool makes no second connection to a server before the first is ready for mail", async () => {
  const scene = new Scene();
  scene.world.network.fail(AT, { kind: "black-hole" });
  const sends = Array.from({ length: 20 }, () => scene.send());
  const outcomes = new Set(await scene.settle(sends));
  assert.deepEqual(outcomes, new Set(["not-started: Connection timed out (at CONNECT)"]));
  assert.equal(scene.events.filter(({ kind }) => kind === "mta-connecting").length, 1);
});

test("pool sends over the connections that stand when a server refuses one more", async () => {
  const scene = await new Scene({
    reply: (line, session) =>
      line === "BANNER" && session > 2 ? "421 4.7.0 Too many connections" : undefined,
  }).listen();
  const outcomes = await scene.settle(Array.from({ length: 30 }, () => scene.send()));
  assert.deepEqual(new Set(outcomes), new Set([TAKEN]));
  assert.ok(scene.sink.sessions < 15, `${scene.sink.sessions} sessions`);
});

test("pool keeps connections of one limit apart by its pause", async () => {
  const scene = await new Scene({}, { delayMs: 5000, keepAliveMs: 0 }).listen();
  const began = scene.world.clock.monotonicMs();
  const outcomes = await scene.settle([
    scene.send({ key: "a" }),
    scene.send({ key: "b" }),
    scene.send({ key: "c" }),
  ]);
  assert.deepEqual(new Set(outcomes), new Set([TAKEN]));
  const tookMs = scene.world.clock.monotonicMs() - began;
  assert.ok(tookMs >= 10_000 && tookMs < 11_000, `${tookMs} ms`);
});

test("pool pauses after a connection has ended before the next", async () => {
  const scene = await new Scene({}, { reconnectMs: 3000, maxMails: 1, max: 1 }).listen();
  const began = scene.world.clock.monotonicMs();
  await scene.settle([scene.send(), scene.send(), scene.send()]);
  const tookMs = scene.world.clock.monotonicMs() - began;
  assert.ok(tookMs >= 6000 && tookMs < 7000, `${tookMs} ms`);
});

test("pool pauses between the messages of a connection", async () => {
  const scene = await new Scene({}, { pauseMs: 2000, max: 1 }).listen();
  const began = scene.world.clock.monotonicMs();
  await scene.settle([scene.send(), scene.send(), scene.send()]);
  const tookMs = scene.world.clock.monotonicMs() - began;
  assert.ok(tookMs >= 4000 && tookMs < 5000, `${tookMs} ms`);
  assert.equal(scene.sink.sessions, 1);
});

test("pool ends a session in which so many recipients were refused in a row", async () => {
  const sink: SinkSettings = {
    reply: (line) =>
      line.startsWith("RCPT") && !line.includes("b0@") ? "550 5.1.1 No" : undefined,
  };
  const scene = await new Scene(sink, { maxRefusals: 5 }).listen();
  await scene.settle([scene.send({}, 5)]);
  await scene.settle([scene.send({}, 6)]);
  assert.equal(scene.sink.sessions, 1);
  await scene.settle([scene.send({}, 1)]);
  assert.equal(scene.sink.sessions, 2);
});

test("pool ends a session of which ten messages were all refused, and says so", async () => {
  const scene = await new Scene({
    reply: (line) => (line.startsWith("MAIL") ? "451 4.7.1 Not now" : undefined),
  }).listen();
  for (let sent = 0; sent < 11; sent++) await scene.settle([scene.send()]);
  assert.equal(scene.sink.sessions, 2);
  assert.equal(scene.events.filter(({ kind }) => kind === "mta-rejects-all").length, 1);
});

test("pool takes turns with the room that many routes want, and leaves none of them waiting", async () => {
  const scene = await new Scene({}, { max: 3 }).listen();
  const sends = Array.from({ length: 60 }, (_, at) => scene.send({ key: `route ${at % 20}` }));
  assert.deepEqual(new Set(await scene.settle(sends)), new Set([TAKEN]));
  assert.equal(await scene.world.clock.runUntilIdle(HOUR_MS), "idle");
  assert.equal(scene.sink.openConnections, 0);
});

test("pool sends over one that has become free meanwhile what a server refused a connection", async () => {
  const scene = await new Scene(
    { reply: (line, session) => (line === "BANNER" && session === 2 ? "silent" : undefined) },
    { keepAliveMs: HOUR_MS },
  ).listen();
  assert.deepEqual(await scene.settle([scene.send(), scene.send()]), [TAKEN, TAKEN]);
  assert.equal(scene.sink.sessions, 2);
  assert.equal(scene.sink.messages.length, 2);
});

test("pool counts no connection that was lost while it was handed over", async () => {
  const world = new SimWorld(1);
  const sink = new Sink();
  await sink.listen(world.network, AT);
  let handler: ConnectionHandler | undefined;
  const network: Network = {
    listen: (endpoint, accept) => world.network.listen(endpoint, accept),
    async connect(endpoint, options) {
      const made = await world.network.connect(endpoint, options);
      if ("kind" in made) return made;
      const start = made.start.bind(made);
      made.start = (owner) => {
        handler = owner;
        start(owner);
      };
      return made;
    },
  };
  const { clock, random } = world;
  // Ahead of whoever waits for the connection that is ready now.
  const watch = { ...NO_WATCH, ready: () => queueMicrotask(() => handler?.closed(undefined)) };
  const limits = new ConnectionLimits(clock);
  const pool = new ClientPool({ network, clock, random, observe() {}, limits, watch });
  const route = routeWith({ max: 1 });
  const mail = { reversePath: "a@x", forwardPaths: ["b@y"], textBytes: TEXT.bytes, is8bit: false };
  const outcome = await clock.runUntilSettled(pool.send(route, mail, TEXT), HOUR_MS);
  assert.equal(outcome.kind, "not-started");
  assert.equal(pool.serves(route.key), false);
  assert.equal(pool.obstacle(route), undefined);
});

const LARGE = textOf("Subject: x\r\n\r\n".repeat(80_000), 5);

test("pool sends by DATA over another connection what a server that offers BDAT does not know in chunks", async () => {
  const scene = await new Scene({
    extensions: ["CHUNKING", "PIPELINING"],
    reply: (line) => (line === "CHUNK" ? "500 5.5.1 What?" : undefined),
  }).listen();
  const mail = {
    reversePath: "a@x",
    forwardPaths: ["b@y"],
    textBytes: LARGE.bytes,
    is8bit: false,
  };
  const sending = scene.pool.send(scene.route, mail, LARGE);
  const outcome = await scene.world.clock.runUntilSettled(sending, HOUR_MS);
  assert.equal(outcome.kind === "verdicts" && outcome.verdicts[0]?.kind, "accepted");
  assert.equal(scene.sink.messages.length, 1);
  assert.deepEqual([scene.sink.sessions, scene.sink.lines.includes("DATA")], [2, true]);
});

for (const kind of ["opportunistic", "required"] as const) {
  test(`pool tries a whole handshake before anything else where a session could not be taken up again (${kind})`, async () => {
    const scene = new Scene();
    const server = tlsServer(scene.world.tls, { certificate: "names=mx.example" });
    const sink = new Sink({ extensions: ["STARTTLS"], tls: { server, start: "starttls" } });
    await sink.listen(scene.world.network, AT);
    const tls = scene.world.tls.client({
      offer: tlsOffer(NONE, NONE, "none"),
      authorities: { pem: "" },
      identity: undefined,
    });
    assert.ok("connect" in tls, "settings are usable");
    const asked: (string | undefined)[] = [];
    const stumbling: TlsClient = {
      async connect(connection, options) {
        asked.push(options.resumeAs);
        if (options.resumeAs === undefined) return tls.connect(connection, options);
        connection.handOver(new Uint8Array());
        connection.destroy();
        return { kind: "tls-fault", why: "resumption", message: "bad ticket" };
      },
    };
    const policy = kind === "required" ? REQUIRED : ({ kind } as const);
    const sending = scene.send({
      security: {
        start: "starttls",
        isRequired: kind === "required",
        policy,
        tls: stumbling,
        serverName: "mx.example",
        resumeAs: "route",
      },
    });
    const outcome = await scene.world.clock.runUntilSettled(sending, HOUR_MS);
    assert.equal(outcome.kind === "verdicts" && outcome.verdicts[0]?.kind, "accepted");
    assert.deepEqual(asked, ["route|mx.example", undefined]);
    assert.ok(sink.lines.includes("TLS mx.example"), "it went under TLS");
  });
}
