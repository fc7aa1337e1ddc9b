import assert from "node:assert/strict";
import { test } from "node:test";
import { type Peer, unasked } from "#base/endpoint.ts";
import {
  type DnsAnswer,
  EMPTY_DNS,
  foundUnsigned,
  NO_SUCH_DOMAIN,
  type Resolver,
} from "#base/ports/resolver.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Event } from "#model/events.ts";
import type { Intake, Receipt } from "#model/intake.ts";
import type { PlannedEnvelope, RecipientQuery, Resolution } from "#model/resolution.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimConnection } from "#world/sim/connection.ts";
import { SimRandom } from "#world/sim/random.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { DEFAULT_LIMITS, LINGER_MS, PATIENT, REVERSE_WAIT_MS } from "./limits.ts";
import type { ServerSettings } from "./service.ts";
import { SmtpServer } from "./smtp-server.ts";

const LISTENER = listenerAt({ kind: "tcp", host: "192.0.2.1", port: 25 });

const SETTINGS: ServerSettings = {
  maxMessageBytes: 1_000_000,
  maxRecipients: 10,
  maxMailsPerSession: 10,
};

const HELLO = "EHLO c.example\r\n";
const TO_DATA = `${HELLO}MAIL FROM:<a@c.example>\r\nRCPT TO:<b@server.example>\r\nDATA\r\n`;
const MESSAGE = "Subject: s\r\n\r\nhi\r\n.\r\n";

/** A server in simulated time, with a queue whose receipts the test gives. */
class Bench {
  readonly clock = new SimClock();
  readonly events: Event[] = [];
  readonly server: SmtpServer;
  /** Ends the commit that waits. */
  receipt: (receipt: Receipt) => void = () => {};
  aborted = 0;
  answerName: (answer: DnsAnswer<readonly string[]>) => void = () => {};

  /** What each recipient comes to. */
  envelopes: readonly PlannedEnvelope[] = [];
  /** The clients' names as the ruleset got them. */
  readonly asked: string[] = [];

  constructor(settings: Partial<ServerSettings> = {}, asksReverseName = false) {
    const resolver: Resolver = {
      ...EMPTY_DNS,
      pointer: () =>
        new Promise((resolve) => {
          this.answerName = resolve;
        }),
    };
    const intake: Intake = {
      hasRoom: () => true,
      open: () => ({
        msgid: "0000002a",
        write: () => true,
        drained: () => Promise.resolve(),
        commit: () =>
          new Promise((resolve) => {
            this.receipt = resolve;
          }),
        abort: () => {
          this.aborted++;
        },
      }),
    };
    const routing = {
      asksReverseName,
      resolve: ({ origin }: RecipientQuery): Resolution => {
        this.asked.push(origin.hostname);
        return { kind: "accepted", envelopes: this.envelopes };
      },
    };
    const ports = { clock: this.clock, random: new SimRandom(1), resolver };
    const parties = { routing, intake, observe: (event: Event) => void this.events.push(event) };
    this.server = new SmtpServer(ports, { ...SETTINGS, ...settings }, parties);
  }

  /** A client at `host` that has connected. */
  async client(
    host = "192.0.2.7",
    windowBytes = 65_536,
    listener: Listener = LISTENER,
  ): Promise<Client> {
    const settings = {
      latencyMs: 0,
      chunkBytes: "whole",
      windowBytes,
      highWaterBytes: 1024,
    } as const;
    const here: Peer = { kind: "tcp", host, port: 4025 };
    const random = new SimRandom(2);
    const outside = new SimConnection(this.clock, random, settings, {
      local: here,
      remote: unasked(LISTENER.endpoint),
    });
    const inside = new SimConnection(this.clock, random, settings, {
      local: LISTENER.endpoint,
      remote: here,
    });
    SimConnection.join(outside, inside);
    this.server.accept(inside, listener);
    const client = new Client(this.clock, outside);
    await client.settled();
    return client;
  }

  /** Reasons of the sessions that have ended. */
  get reasons(): readonly string[] {
    return this.events.flatMap((event) =>
      event.kind === "smtp-disconnected" ? [event.reason] : [],
    );
  }
}

class Client {
  readonly connection: SimConnection;
  readonly #clock: SimClock;
  received = "";
  hasEnded = false;

  constructor(clock: SimClock, connection: SimConnection) {
    this.#clock = clock;
    this.connection = connection;
    connection.start({
      data: (bytes) => {
        this.received += Buffer.from(bytes).toString("latin1");
      },
      end: () => {
        this.hasEnded = true;
        connection.end();
      },
      drain: () => {},
      closed: () => {
        this.hasEnded = true;
      },
    });
  }

  /** Sends `wire`, and returns the codes of the replies to it. */
  async say(wire: string): Promise<readonly string[]> {
    const before = this.received.length;
    this.connection.write(Buffer.from(wire, "latin1"));
    await this.settled();
    return this.codesFrom(before);
  }

  codesFrom(offset: number): readonly string[] {
    return [...this.received.slice(offset).matchAll(/^(\d{3}) .*$/gm)].map(
      (match) => match[1] ?? "",
    );
  }

  async settled(): Promise<void> {
    await this.#clock.advance(1);
  }
}

test("server tells a client over the cap 421, and takes the next when one has gone", async () => {
  const bench = new Bench({ limits: { ...DEFAULT_LIMITS, reservedSessions: 0, maxSessions: 1 } });
  const first = await bench.client("192.0.2.1");
  const second = await bench.client("192.0.2.2");
  assert.equal(second.received, "421 4.3.2 mx.example Too many connections\r\n");
  assert.ok(second.hasEnded, "the second client is let go");
  await first.say("QUIT\r\n");
  const third = await bench.client("192.0.2.3");
  assert.match(third.received, /^220 /);
});

test("server does not let clients that it turns away take the descriptors of deliveries", async () => {
  const bench = new Bench({
    limits: { ...DEFAULT_LIMITS, reservedSessions: 0, maxSessions: 1, maxTurnedAway: 1 },
  });
  const served = await bench.client();
  const [told, cutOff] = await Promise.all([bench.client(), bench.client()]);
  assert.deepEqual([told.received.slice(0, 9), cutOff.received], ["421 4.3.2", ""]);
  assert.ok(cutOff.hasEnded, "nothing waits for its end");
  const later = await bench.client();
  assert.match(later.received, /^421 /, "the one that was told has gone");
  assert.deepEqual(await served.say("NOOP\r\n"), ["250"]);
});

test("server has a cap for each source", async () => {
  const bench = new Bench({ limits: { ...DEFAULT_LIMITS, maxSessionsPerSource: 1 } });
  await bench.client("192.0.2.1");
  const second = await bench.client("192.0.2.1");
  const other = await bench.client("192.0.2.2");
  assert.deepEqual([second.received.slice(0, 9), other.received.slice(0, 3)], ["421 4.3.2", "220"]);
});

test("server that is paused turns new clients away and goes on with the others", async () => {
  const bench = new Bench();
  const first = await bench.client();
  bench.server.pause();
  const second = await bench.client();
  bench.server.resume();
  const third = await bench.client();
  assert.deepEqual(
    [second.received.slice(0, 3), await first.say("NOOP\r\n"), third.received.slice(0, 3)],
    ["421", ["250"], "220"],
  );
});

test("server that shuts down ends idle sessions at once, and a message's after its receipt", async () => {
  const bench = new Bench();
  const idle = await bench.client("192.0.2.1");
  const busy = await bench.client("192.0.2.2");
  bench.answerName(NO_SUCH_DOMAIN);
  await busy.say(`${TO_DATA}Subject: s\r\n`);
  const stopped = bench.server.shutdown();
  await idle.settled();
  assert.match(idle.received, /421 4\.3\.2 mx\.example Service closing\r\n$/);
  await busy.say("\r\nhi\r\n.\r\n");
  assert.ok(!busy.received.includes("421"), "a message is on its way");
  bench.receipt({ kind: "accepted" });
  await busy.settled();
  assert.match(busy.received, /250 2\.0\.0 0000002a .*\r\n421 4\.3\.2 .*\r\n$/);
  await bench.clock.runUntilSettled(stopped, 1000);
  assert.deepEqual(bench.reasons, ["shutdown", "shutdown"]);
});

test("server that shuts down does not wait for a message for ever", async () => {
  const bench = new Bench();
  const client = await bench.client();
  bench.answerName(NO_SUCH_DOMAIN);
  await client.say(TO_DATA);
  await bench.clock.runUntilSettled(bench.server.shutdown(5000), 6000);
  assert.deepEqual([bench.server.sessionCount, bench.aborted], [0, 1]);
});

test("a proxy is told of by the session's id, before the client that it names", async () => {
  const bench = new Bench();
  const proxy = { version: "v1", from: undefined } as const;
  const client = await bench.client("192.0.2.80", 65_536, { ...LISTENER, proxy });
  await client.say("PROXY TCP4 192.0.2.7 192.0.2.1 4025 25\r\n");
  bench.answerName(NO_SUCH_DOMAIN);
  await client.settled();
  const told = bench.events.map((event) =>
    "address" in event && "session" in event ? [event.kind, event.address, event.session] : [],
  );
  const session = told[0]?.[2];
  assert.deepEqual(told, [
    ["smtp-proxied", "192.0.2.80", session],
    ["smtp-connected", "192.0.2.7", session],
  ]);
});

test("session drops the message of a client that vanishes before its end", async () => {
  for (const wire of [TO_DATA, `${TO_DATA}Subject: s\r\n`]) {
    const bench = new Bench();
    const client = await bench.client();
    bench.answerName(NO_SUCH_DOMAIN);
    await client.say(wire);
    client.connection.reset();
    await client.settled();
    assert.deepEqual([bench.aborted, bench.server.sessionCount], [1, 0]);
    assert.deepEqual(bench.reasons, ["io-error: ECONNRESET"]);
  }
});

test("session tells of a message whose client vanished before the receipt", async () => {
  const bench = new Bench();
  const client = await bench.client();
  bench.answerName(NO_SUCH_DOMAIN);
  await client.say(TO_DATA + MESSAGE);
  client.connection.reset();
  await client.settled();
  bench.receipt({ kind: "accepted" });
  await client.settled();
  const kinds = bench.events.map((event) => event.kind);
  assert.deepEqual(kinds, ["smtp-connected", "smtp-disconnected", "smtp-message"]);
  assert.equal(bench.aborted, 0);
});

test("session greets before it knows the client's name, and waits for it at DATA", async () => {
  const bench = new Bench();
  const client = await bench.client();
  await client.say(TO_DATA + MESSAGE);
  assert.match(client.received, /354 .*\r\n$/);
  assert.equal(bench.events.length, 0, "nothing is told before the name is known");
  bench.answerName(foundUnsigned(["name.example"], "client.example"));
  await client.settled();
  bench.receipt({ kind: "accepted" });
  await client.settled();
  assert.match(client.received, /250 2\.0\.0 0000002a /);
  const names = bench.events.map((event) => {
    if (event.kind === "smtp-connected") return event.hostname;
    return event.kind === "smtp-message" ? event.message.origin.hostname : event.kind;
  });
  assert.deepEqual(names, ["name.example", "name.example"]);
});

test("session waits for the client's name at RCPT if a rule asks for it", async () => {
  const bench = new Bench({}, true);
  const client = await bench.client();
  await client.say(`${HELLO}MAIL FROM:<a@c.example>\r\nRCPT TO:<b@server.example>\r\n`);
  assert.deepEqual(bench.asked, []);
  bench.answerName(foundUnsigned(["name.example"], "client.example"));
  await client.settled();
  assert.deepEqual(bench.asked, ["name.example"]);
  assert.deepEqual(await client.say("RCPT TO:<c@server.example>\r\n"), ["250"]);
});

test("session may end while a rule waits for the client's name", async () => {
  const bench = new Bench({}, true);
  const client = await bench.client();
  await client.say(`${HELLO}MAIL FROM:<a@c.example>\r\nRCPT TO:<b@server.example>\r\n`);
  client.connection.destroy();
  await client.settled();
  await bench.clock.advance(REVERSE_WAIT_MS);
  assert.equal(bench.reasons.length, 1);
});

test("session goes on without a name when DNS is silent", async () => {
  const bench = new Bench();
  const client = await bench.client();
  await client.say(TO_DATA + MESSAGE);
  await bench.clock.advance(REVERSE_WAIT_MS);
  bench.receipt({ kind: "accepted" });
  await client.settled();
  assert.match(client.received, /250 2\.0\.0 0000002a /);
});

test("session tells of its connection before anything else that happens in it", async () => {
  const bench = new Bench();
  const client = await bench.client();
  await client.say("BOGUS \u0007\r\nQUIT\r\n");
  bench.answerName(foundUnsigned(["name.example"], "client.example"));
  await client.settled();
  const session = bench.events[0]?.kind === "smtp-connected" ? bench.events[0].session : "";
  assert.deepEqual(bench.events, [
    {
      kind: "smtp-connected",
      session,
      address: "192.0.2.7",
      hostname: "<unknown>",
      user: undefined,
    },
    {
      kind: "smtp-failed-command",
      session,
      command: "BOGUS ?",
      reply: "500 5.5.2 Syntax error: Illegal character",
      why: "",
      limit: undefined,
    },
    { kind: "smtp-disconnected", session, reason: "quit", limit: undefined },
  ]);
});

test("session answers a client that has closed its half, then ends", async () => {
  const bench = new Bench();
  const client = await bench.client();
  bench.answerName(NO_SUCH_DOMAIN);
  client.connection.write(Buffer.from(TO_DATA + MESSAGE));
  client.connection.end();
  await client.settled();
  bench.receipt({ kind: "accepted" });
  await client.settled();
  assert.match(client.received, /250 2\.0\.0 0000002a /);
  assert.equal(bench.server.sessionCount, 0);
});

test("session reads no more commands while its replies are not being read", async () => {
  const limits = { ...DEFAULT_LIMITS, maxIdleCommands: 1_000_000 };
  const bench = new Bench({ limits });
  const client = await bench.client("192.0.2.7", 4096);
  client.connection.pause();
  const help = "HELP\r\n".repeat(10_000);
  for (let round = 0; round < 20; round++) await client.say(help);
  const heldBack = client.connection.unsentBytes;
  assert.ok(heldBack > help.length, `most of the commands are not taken: ${heldBack} bytes wait`);
  client.connection.resume();
  await bench.clock.runUntilIdle(1000);
  assert.equal(client.received.split("End of HELP").length - 1, 200_000);
});

test("session breaks off a client that does not close after its end", async () => {
  const bench = new Bench();
  const client = await bench.client();
  client.connection.pause();
  await client.say("QUIT\r\n");
  assert.equal(bench.server.sessionCount, 1);
  await bench.clock.advance(LINGER_MS);
  assert.deepEqual([bench.server.sessionCount, bench.reasons], [0, ["quit"]]);
});

test("session gives a large message more time than its grace, while octets keep coming", async () => {
  const bench = new Bench();
  const client = await bench.client();
  bench.answerName(NO_SUCH_DOMAIN);
  await client.say(`${TO_DATA}Subject: s\r\n\r\n`);
  const line = `${"x".repeat(998)}\r\n`;
  // 200 kB each four minutes: worth 200 s each.
  for (let minutes = 0; minutes < 20; minutes += 4) {
    await client.say(line.repeat(200));
    await bench.clock.advance(240_000);
  }
  assert.ok(bench.clock.monotonicMs() > PATIENT.dataGraceMs, "the grace is over");
  assert.deepEqual([client.hasEnded, client.received.includes("421")], [false, false]);
});

test("server ends the newest of the sessions that hold too much, and no other", async () => {
  const bench = new Bench();
  const destination = `${"x".repeat(430)}@server.example`;
  const transport = { kind: "mda", user: "u", extension: "" } as const;
  const one = { destination, action: "a", transport, rule: "", trail: [], ttlMs: 1 };
  // Counted as 47 MB for each recipient; here they are one and the same.
  bench.envelopes = Array.from({ length: 90_000 }, () => one);
  const clients: Client[] = [];
  for (let n = 0; n < 6; n++) {
    const client = await bench.client(`192.0.2.${n}`);
    await client.say(`${HELLO}MAIL FROM:<a@c.example>\r\nRCPT TO:<b@server.example>\r\n`);
    clients.push(client);
  }
  const idle = await bench.client("192.0.2.100");
  assert.deepEqual(
    [...clients, idle].map(({ hasEnded }) => hasEnded),
    [false, false, false, false, false, true, false],
  );
  const last = clients.at(-1)?.received ?? "";
  assert.match(last, /421 4\.3\.1 mx\.example Too much memory in use\r\n$/);
  const [ended] = bench.events.filter(({ kind }) => kind === "smtp-disconnected");
  assert.ok(ended?.kind === "smtp-disconnected" && ended.limit === "memory", "the log says so");
});
