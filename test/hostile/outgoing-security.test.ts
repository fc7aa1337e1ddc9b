/**
 * Servers that we relay to, and whoever sits between, against TLS and AUTH: nothing that was said
 * in the clear counts under TLS, and no challenge makes us compute, keep or tell what it likes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RelayAction } from "#model/config/action.ts";
import { Relay } from "#engine/relay/relay.ts";
import { relayAction, tableOf, toHostAt } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { SimWorld } from "#world/sim/world.ts";

const HOUR_MS = 3_600_000;
const CERTIFICATE = "names=mx.far.example";
const PASSWORD = "correct horse";

function to(url: string): Partial<RelayAction> {
  return { to: toHostAt(url), auth: tableOf("t") };
}

interface Heard {
  readonly outcome: string;
  readonly diagnostic: string;
  readonly sink: Sink;
}

/** How mail for a server of far.example ends that speaks TLS and answers as `settings` say. */
async function relayed(action: Partial<RelayAction>, settings: SinkSettings): Promise<Heard> {
  const world = new SimWorld(1);
  const { network, clock, resolver, tls } = world;
  resolver.setMx("far.example", [{ preference: 10, exchange: "mx.far.example" }]);
  resolver.setAddresses("mx.far.example", ["192.0.2.7"]);
  const server = tlsServer(tls, { certificate: CERTIFICATE });
  const sink = new Sink({ ...settings, tls: { server, start: "starttls" } });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const credentials = { kind: "found", value: { user: "tim", password: PASSWORD } } as const;
  const parties = relayParties(tls, { askCredentials: async () => credentials }, CERTIFICATE);
  const relay = new Relay(world, new Map([["out", relayAction("out", action)]]), parties);
  const attempt = relay.attempt(taskOf(["x@far.example"], "Subject: x\r\n\r\nhello\r\n"));
  const [result] = await clock.runUntilSettled(attempt, HOUR_MS);
  assert.ok(result);
  return { outcome: result.outcome, diagnostic: result.diagnostic, sink };
}

/** What stands behind the yes to STARTTLS, in the clear. */
const INJECTED: readonly string[] = [
  "250 ok",
  "250-mx.far.example\r\n250 AUTH PLAIN",
  "250",
  "2",
  "250-mx.far.example\r\n250-AUTH",
  "\r\n",
  "454 no",
];

for (const injected of INJECTED) {
  test(`OUT-01: what comes in the clear behind the yes to STARTTLS is not heard under TLS (${JSON.stringify(injected)})`, async () => {
    const { outcome, sink } = await relayed(
      { tls: "verified" },
      {
        extensions: ["STARTTLS"],
        reply: (line) => (line === "STARTTLS" ? `220 2.0.0 Go\r\n${injected}` : undefined),
      },
    );
    assert.equal(outcome, "deferred");
    assert.deepEqual(sink.messages, []);
    assert.ok(!sink.lines.some((line) => line.startsWith("AUTH") || line.startsWith("MAIL")));
  });
}

test("OUT-01: what was offered in the clear does not count under TLS", async () => {
  let greetings = 0;
  const reply = (line: string): string | undefined => {
    if (!line.startsWith("EHLO")) return undefined;
    const offers = greetings++ === 0 ? "STARTTLS\r\n250-AUTH PLAIN\r\n250 SIZE 1" : "8BITMIME";
    return `250-mx.far.example\r\n250${greetings === 1 ? "-" : " "}${offers}`;
  };
  const { outcome, diagnostic, sink } = await relayed(to("smtp+tls://me@mx.far.example"), {
    reply,
  });
  assert.deepEqual([outcome, greetings], ["deferred", 2]);
  assert.match(diagnostic, /AUTH not advertised/u);
  assert.ok(!sink.lines.some((line) => line.startsWith("AUTH")));
});

test("OUT-28: no secret is shown to a server that does not prove itself, or has no TLS", async () => {
  for (const extensions of [["AUTH PLAIN LOGIN"], ["STARTTLS", "AUTH PLAIN LOGIN"]]) {
    const { outcome, sink } = await relayed(to("smtp+tls://me@mx.far.example"), {
      extensions,
      reply: refusesTls,
    });
    assert.equal(outcome, "deferred");
    assert.ok(!sink.lines.some((line) => line.startsWith("AUTH")));
  }
});

function refusesTls(line: string): string | undefined {
  return line === "STARTTLS" ? "454 4.7.0 Not now" : undefined;
}

interface Challenges {
  readonly what: string;
  readonly offers: string;
  /** To what is said in the exchange, from the first on. */
  readonly reply: (nth: number) => string;
}

const B64 = (text: string): string => Buffer.from(text).toString("base64");

const CHALLENGES: readonly Challenges[] = [
  { what: "of a megabyte", offers: "PLAIN", reply: () => `334 ${"A".repeat(1_000_000)}` },
  { what: "that is no base64", offers: "SCRAM-SHA-256", reply: () => "334 \x01\x02!!!" },
  { what: "without end", offers: "LOGIN", reply: () => "334 VXNlcm5hbWU6" },
  { what: "without end, of PLAIN", offers: "PLAIN", reply: () => "334 " },
  { what: "without end, of SCRAM", offers: "SCRAM-SHA-256", reply: () => `334 ${B64("r=x")}` },
  {
    what: "that asks for years of work",
    offers: "SCRAM-SHA-256",
    reply: () => `334 ${B64("r=x,s=QUFB,i=9999999")}`,
  },
  { what: "in many lines", offers: "LOGIN", reply: () => "334-A\r\n334-B\r\n334 C" },
  { what: "that is a yes at once", offers: "SCRAM-SHA-256", reply: () => "235 2.7.0 Fine" },
  {
    what: "that is a yes within",
    offers: "LOGIN",
    reply: (nth) => (nth === 0 ? "334 x" : "235 Fine"),
  },
  { what: "of another kind", offers: "PLAIN", reply: () => "250 2.0.0 Fine" },
];

for (const { what, offers, reply } of CHALLENGES) {
  test(`OUT-28: a challenge ${what} is given up on, in bounded time and with nothing sent`, async () => {
    let said = -1;
    const { outcome, sink } = await relayed(to("smtp+tls://me@mx.far.example"), {
      extensions: ["STARTTLS", `AUTH ${offers}`],
      reply: (line) => {
        if (line.startsWith("AUTH ")) said = 0;
        else if (said >= 0) said++;
        return said < 0 || line.startsWith("QUIT") ? undefined : reply(said);
      },
    });
    assert.equal(outcome, "deferred");
    assert.deepEqual(sink.messages, []);
    assert.ok(said <= 3, `we went on for ${said} rounds`);
    const plainText = sink.lines.join("\n");
    assert.ok(offers !== "SCRAM-SHA-256" || !plainText.includes(B64(PASSWORD)));
  });
}
