/**
 * Servers that we relay to and that answer what they like: mail is never taken for
 * delivered when it was not, never lost, and their words get into no field, no line of
 * the log and no part of a bounce that is not meant for them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Carrier, DeliveryTask } from "#model/delivery.ts";
import { Relay } from "#engine/relay/relay.ts";
import { actionsOfKind, CarrierByAction } from "#processes/carrier-by-action.ts";
import { allQueued } from "#test/support/queued.ts";
import { SimTls } from "#world/sim/tls.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { HostileClient } from "./client.ts";
import { rulesOf, Scene } from "./scene.ts";

const MINUTE_MS = 60_000;
const SOCKET: Endpoint = { kind: "unix", path: "/run/in.sock" };
const EXCHANGER: Endpoint = { kind: "tcp", host: "192.0.2.99", port: 25 };

/** A system that relays for its socket to a hostile exchanger of external.test. */
class Outgoing {
  readonly scene: Scene;
  readonly sink: Sink;
  /** Texts of what was delivered here: bounces. */
  readonly delivered: string[];

  private constructor(scene: Scene, sink: Sink, delivered: string[]) {
    this.scene = scene;
    this.sink = sink;
    this.delivered = delivered;
  }

  static async start(settings: SinkSettings): Promise<Outgoing> {
    const delivered: string[] = [];
    const scene = await Scene.start(1, {
      lines: [
        "listen on 192.0.2.1",
        'listen on socket "/run/in.sock"',
        'action "deliver" maildir "/mail/%{dest.user}" user "mail"',
        'action "out" relay',
        ...rulesOf("mx.example.test"),
      ],
      carrier: ({ network, clock, random, resolver }, { actions }, observe) => {
        const relays = actionsOfKind(actions, "relay");
        const here = keeps(delivered);
        const parties = relayParties(new SimTls(clock), { observe });
        const relay = new Relay({ network, clock, random, resolver }, relays, parties);
        return new CarrierByAction(actions, { agents: here, lmtp: here, relay });
      },
    });
    const { resolver, network } = scene.world;
    resolver.setMx("external.test", [{ preference: 10, exchange: "mx.external.test" }]);
    resolver.setAddresses("mx.external.test", ["192.0.2.99"]);
    const sink = new Sink({ extensions: ["PIPELINING", "SIZE"], ...settings });
    await sink.listen(network, EXCHANGER);
    return new Outgoing(scene, sink, delivered);
  }

  /** Submits a message for each recipient at external.test in one transaction. */
  async sends(...users: readonly string[]): Promise<void> {
    const connection = await this.scene.connection("", SOCKET);
    const client = new HostileClient(connection, this.scene.world.clock);
    const { scene } = this;
    await scene.run(client.before("helo"));
    const recipients = users.map((user) => `RCPT TO:<${user}@external.test>\r\n`).join("");
    await scene.run(client.write(`MAIL FROM:<a@example.test>\r\n${recipients}DATA\r\n`));
    for (let n = 0; n < users.length + 2; n++) await scene.run(client.reply());
    await scene.run(client.write("Subject: good\r\n\r\ngood\r\n.\r\n"));
    assert.match((await scene.run(client.reply())) ?? "", /^250 /);
    client.leave();
    await scene.world.clock.advance(1000);
  }

  /** Recipients that wait. */
  async waiting(): Promise<readonly string[]> {
    return (await allQueued(this.scene.queue)).map(({ envelope }) => envelope.forwardPath);
  }

  results(outcome: "delivered" | "deferred" | "failed" | "loop"): readonly string[] {
    return this.scene.events.flatMap((event) =>
      event.kind === "delivery" && event.result.outcome === outcome
        ? [`${event.envelope.forwardPath} ${event.result.diagnostic}`]
        : [],
    );
  }
}

function keeps(texts: string[]): Carrier {
  return {
    async attempt({ envelopes, text }: DeliveryTask) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of text.chunks()) chunks.push(chunk);
      texts.push(Buffer.concat(chunks).toString("latin1"));
      return envelopes.map(({ evpid }) => ({
        evpid,
        outcome: "delivered",
        status: "2.0.0",
        diagnostic: "Delivered",
        remote: "",
      }));
    },
  };
}

/** Answers for one command, the usual ones for the others. */
function at(command: string, reply: string): SinkSettings {
  return { reply: (line) => (line.startsWith(command) ? reply : undefined) };
}

for (const { id, name, settings } of [
  {
    id: "OUT-12",
    name: "lines of one reply that disagree",
    settings: at("TEXT", "250-ok\r\n550 no"),
  },
  {
    id: "OUT-12",
    name: "a reply that turns from no to yes",
    settings: at("RCPT", "550-no\r\n250 ok"),
  },
  { id: "OUT-18", name: "a reply too many", settings: at("RCPT", "250 ok\r\n250 ok") },
  {
    id: "OUT-18",
    name: "a 250 for the text before the text",
    settings: at("DATA", "354 go\r\n250 ok"),
  },
  {
    id: "OUT-14",
    name: "fields between lone LFs",
    settings: at("RCPT", "550-no\r\n550-\ntype: mda\nmda-exec: id\r\n550 no"),
  },
  { id: "OUT-19", name: "the end of the connection after the text", settings: at("TEXT", "drop") },
  { id: "OUT-21", name: "421 as its greeting", settings: at("BANNER", "421 4.3.2 busy") },
  { id: "OUT-21", name: "421 to MAIL", settings: at("MAIL", "421 4.3.2 busy") },
  { id: "OUT-21", name: "421 to RCPT", settings: at("RCPT", "421 4.3.2 busy") },
  { id: "OUT-21", name: "421 to the text", settings: at("TEXT", "421 4.3.2 busy") },
  { id: "OUT-22", name: "554 as its greeting", settings: at("BANNER", "554 5.7.1 no") },
  {
    id: "OUT-24",
    name: "ten thousand keywords",
    settings: { extensions: Array.from({ length: 10_000 }, (_, n) => `X${n}`) },
  },
  {
    id: "OUT-12",
    name: "a megabyte without a line end",
    settings: at("EHLO", "2".repeat(1_000_000)),
  },
  { id: "OUT-12", name: "no SMTP at all", settings: at("BANNER", "\x16\x03\x01\0\0") },
]) {
  test(`${id}: an exchanger that answers with ${name} leaves the mail waiting`, async () => {
    const outgoing = await Outgoing.start(settings);
    await outgoing.sends("b");
    await outgoing.scene.world.clock.advance(MINUTE_MS);
    assert.deepEqual(await outgoing.waiting(), ["b@external.test"]);
    assert.deepEqual([outgoing.results("delivered"), outgoing.delivered], [[], []]);
    assert.equal(outgoing.results("deferred").length, 1);
    for (const line of outgoing.scene.log) assert.match(line, /^[ -~]*$/);
  });
}

test("OUT-22: an exchanger that never takes mail (521) is believed", async () => {
  const outgoing = await Outgoing.start(at("BANNER", "521 5.3.2 This host takes no mail"));
  await outgoing.sends("b");
  await outgoing.scene.world.clock.advance(MINUTE_MS);
  assert.deepEqual([await outgoing.waiting(), outgoing.delivered.length], [[], 1]);
});

test("OUT-20: the answer to a text may take nearly ten minutes", async () => {
  const outgoing = await Outgoing.start(at("TEXT", "silent"));
  await outgoing.sends("b");
  await outgoing.scene.world.clock.advance(9.9 * MINUTE_MS);
  assert.deepEqual(outgoing.results("deferred"), [], "it still waits");
  await outgoing.scene.world.clock.advance(0.2 * MINUTE_MS);
  assert.deepEqual(outgoing.results("deferred"), ["b@external.test Timed out (at EOM)"]);
});

test("OUT-23: recipients beyond what the exchanger takes at once go in another transaction", async () => {
  let taken = 0;
  const outgoing = await Outgoing.start({
    reply: (line) => {
      if (line.startsWith("MAIL")) taken = 0;
      if (line.startsWith("RCPT") && ++taken > 10)
        return taken % 2 === 0 ? "452 Too many" : "552 Too many";
      return undefined;
    },
  });
  const users = Array.from({ length: 25 }, (_, n) => `u${n}`);
  await outgoing.sends(...users);
  await outgoing.scene.world.clock.advance(60 * MINUTE_MS);
  assert.deepEqual(await outgoing.waiting(), []);
  const got = outgoing.sink.messages.flatMap(({ forwardPaths }) => forwardPaths);
  assert.deepEqual(got.toSorted(), users.map((user) => `${user}@external.test`).toSorted());
});

for (const size of [
  "SIZE=0",
  "SIZE -1",
  "SIZE abc",
  "SIZE 99999999999999999999999",
  "size",
  "SIZE 0",
  "AUTH PLAIN PLAIN =",
  "8bitmime 8BITMIME",
  "",
  "\x1b[2J",
]) {
  test(`OUT-24: an exchanger that offers ${JSON.stringify(size)} gets its mail`, async () => {
    const outgoing = await Outgoing.start({ extensions: [size, size.toLowerCase(), size] });
    await outgoing.sends("b");
    assert.deepEqual([outgoing.sink.messages.length, await outgoing.waiting()], [1, []]);
  });
}

test("OUT-25: what is larger than the exchanger takes is not sent, and bounces", async () => {
  const outgoing = await Outgoing.start({ extensions: ["SIZE 100"] });
  await outgoing.sends("b");
  await outgoing.scene.world.clock.advance(1000);
  assert.deepEqual([outgoing.sink.messages, await outgoing.waiting()], [[], []]);
  assert.match(outgoing.results("failed")[0] ?? "", /larger than the server takes/);
  assert.match(outgoing.delivered[0] ?? "", /^Status: 5\.3\.4\r$/m);
});

const NASTY_WORDS: readonly string[] = [
  "550-type: mda\r\n550-mda-exec: id\r\n550 no",
  "550 \x1b[2J\x07\x9b31m",
  "550 \xff\xfe\xc0\xaf",
  "550 x\0y",
  "550 Final-Recipient: rfc822;victim@external.test",
  `550 ${"x".repeat(2000)}`,
  "550-5.1.1 <https://evil.test>\r\n550 5.1.1 --boundary--",
  "550 =?utf-8?q?=0D=0A?=",
];

for (const [index, reply] of NASTY_WORDS.entries()) {
  test(`OUT-14, OUT-15, DSN-04: words of a server stay words, in the log and in the bounce (${index + 1})`, async () => {
    const outgoing = await Outgoing.start(at("RCPT", reply));
    await outgoing.sends("b");
    await outgoing.scene.world.clock.advance(1000);
    assert.deepEqual(await outgoing.waiting(), []);
    for (const line of outgoing.scene.log) assert.match(line, /^[ -~]*$/);
    const [bounce = ""] = outgoing.delivered;
    assert.match(bounce, /^[ -~\r\n\t]*$/, "a bounce is printable ASCII");
    for (const line of bounce.split("\r\n")) assert.ok(line.length <= 998, "lines of legal length");
    assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(bounce), "CRLF alone ends lines");
    assert.equal(bounce.match(/^Final-Recipient:/gm)?.length, 1, "one recipient is reported");
    assert.doesNotMatch(bounce, /^(?:type|mda-exec):/m);
    const boundary = /boundary="([^"]+)"/.exec(bounce)?.[1] ?? "";
    assert.ok(boundary.length >= 16, "a boundary that nobody guesses");
    const marks = bounce.split("\r\n").filter((line) => line.startsWith(`--${boundary}`));
    assert.equal(marks.length, 4, "three parts and an end");
  });
}

test("DSN-01: a bounce that cannot be delivered makes no other bounce", async () => {
  const outgoing = await Outgoing.start(at("RCPT", "550 5.1.1 no"));
  const { scene } = outgoing;
  const connection = await scene.connection("", SOCKET);
  const client = new HostileClient(connection, scene.world.clock);
  await scene.run(client.before("helo"));
  await scene.run(client.write("MAIL FROM:<>\r\nRCPT TO:<b@external.test>\r\nDATA\r\n"));
  for (let n = 0; n < 3; n++) await scene.run(client.reply());
  await scene.run(client.write("Subject: x\r\n\r\nx\r\n.\r\n"));
  await scene.run(client.reply());
  client.leave();
  await scene.world.clock.advance(MINUTE_MS);
  assert.deepEqual([await outgoing.waiting(), outgoing.delivered], [[], []]);
});

test("DSN-02: mail for users whom nobody knows is refused at RCPT, and makes no bounce", async () => {
  const scene = await Scene.start(1, {
    lines: [
      "listen on 192.0.2.1",
      'action "deliver" maildir "~/Maildir"',
      'match from any for domain "example.test" action "deliver"',
    ],
  });
  const client = await scene.client();
  await scene.run(client.before("helo"));
  await scene.run(
    client.write("MAIL FROM:<victim@external.test>\r\nRCPT TO:<nobody@example.test>\r\n"),
  );
  await scene.run(client.reply());
  assert.match((await scene.run(client.reply())) ?? "", /^550 5\.1\.1 /);
});

test("DSN-03: mail from the address that it cannot be delivered to makes one bounce, which is dropped", async () => {
  const outgoing = await Outgoing.start(at("RCPT", "550 5.1.1 no"));
  const { scene } = outgoing;
  const connection = await scene.connection("", SOCKET);
  const client = new HostileClient(connection, scene.world.clock);
  await scene.run(client.before("helo"));
  await scene.run(
    client.write("MAIL FROM:<b@external.test>\r\nRCPT TO:<b@external.test>\r\nDATA\r\n"),
  );
  for (let n = 0; n < 3; n++) await scene.run(client.reply());
  await scene.run(client.write("Subject: x\r\n\r\nx\r\n.\r\n"));
  await scene.run(client.reply());
  client.leave();
  await scene.world.clock.advance(10 * MINUTE_MS);
  assert.deepEqual(await outgoing.waiting(), []);
  assert.ok(outgoing.sink.sessions <= 2, "it is tried, and its bounce at most");
});

test("OUT-27: mail for a domain whose exchanger is ourselves ends as a loop", async () => {
  const outgoing = await Outgoing.start({});
  const { resolver } = outgoing.scene.world;
  resolver.setMx("external.test", [{ preference: 10, exchange: "mx.example.test" }]);
  resolver.setAddresses("mx.example.test", ["192.0.2.1"]);
  await outgoing.sends("b");
  assert.deepEqual(await outgoing.waiting(), []);
  assert.match(outgoing.results("loop")[0] ?? "", /loops back to us/);
  assert.match(outgoing.delivered[0] ?? "", /^Status: 5\.4\.6\r$/m);
});
