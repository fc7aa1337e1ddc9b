import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { NO_TERMS, type Terms } from "#model/envelope.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink } from "#test/support/sink.ts";
import { noticesOf } from "./notices.ts";
import { Relay } from "./relay.ts";

const TERMS: Terms = { ...NO_TERMS, returns: "headers", envelopeId: "QQ+3D1" };

const TEXT = textOf("Subject: x\r\n\r\nhello\r\n");

const ASKED: DeliveryTask = {
  message: messageOf(TEXT, { terms: TERMS }),
  envelopes: [
    envelopeOf("bob@far.example", {
      evpid: "0a0b0c0d00000001",
      terms: { notify: ["success", "delay"], originalRecipient: "rfc822;Bob+2B1@example.org" },
    }),
    envelopeOf("carol@far.example", {
      evpid: "0a0b0c0d00000002",
      forwardPath: "staff=all@here.example",
    }),
    envelopeOf("dave@far.example", {
      evpid: "0a0b0c0d00000003",
      terms: { notify: ["never"], originalRecipient: "" },
    }),
  ],
  text: TEXT,
};

interface Relayed {
  readonly lines: readonly string[];
  readonly outcomes: readonly string[];
  readonly results: readonly DeliveryResult[];
}

async function relay(task: DeliveryTask, extensions: readonly string[]): Promise<Relayed> {
  const { network, clock, random, resolver, tls } = new SimWorld(1);
  resolver.setMx("far.example", [{ preference: 10, exchange: "mx.far.example" }]);
  resolver.setAddresses("mx.far.example", ["192.0.2.7"]);
  const sink = new Sink({ extensions });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const actions = new Map([["out", relayAction("out")]]);
  const carrier = new Relay({ network, clock, random, resolver }, actions, relayParties(tls));
  const results = await clock.runUntilSettled(carrier.attempt(task), 60_000);
  return {
    lines: sink.lines.filter((line) => /^(MAIL|RCPT)/.test(line)),
    outcomes: results.map(({ outcome }) => outcome),
    results,
  };
}

for (const pipelining of [[], ["PIPELINING"]]) {
  test(`a server that offers DSN ${pipelining.join()} is told what the sender wants to know, and reports it itself`, async () => {
    const { lines, outcomes } = await relay(ASKED, ["DSN", ...pipelining]);
    assert.deepEqual(lines, [
      "MAIL FROM:<sender@client.example> RET=HDRS ENVID=QQ+3D1",
      "RCPT TO:<bob@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2B1@example.org",
      "RCPT TO:<carol@far.example> ORCPT=rfc822;staff+3Dall@here.example",
      "RCPT TO:<dave@far.example> NOTIFY=NEVER",
    ]);
    assert.deepEqual(outcomes, ["handed-on", "handed-on", "handed-on"]);
  });
}

test("a server that does not offer DSN is told nothing of it, and the mail counts as delivered", async () => {
  const { lines, outcomes } = await relay(ASKED, ["SIZE"]);
  assert.doesNotMatch(lines.join("\n"), /RET=|ENVID|NOTIFY|ORCPT/);
  assert.deepEqual(outcomes, ["delivered", "delivered", "delivered"]);
});

const TIMED: Terms = {
  ...NO_TERMS,
  deliverBy: { atMs: Date.UTC(2030, 0, 1), mode: "return", trace: false },
  priority: 3,
};

test("a server that keeps times is told what is left of it, and the priority", async () => {
  const task = { ...ASKED, message: messageOf(TEXT, { terms: TIMED }) };
  const { lines, results } = await relay(task, ["DELIVERBY 60", "MT-PRIORITY"]);
  assert.match(lines[0] ?? "", / BY=\d+;R MT-PRIORITY=3$/);
  assert.deepEqual(
    results.map(({ outcome, keepsTime }) => [outcome, keepsTime]),
    Array.from({ length: 3 }, () => ["delivered", true]),
  );
});

test("mail that must be back in time is not given to a server that keeps no times", async () => {
  const task = { ...ASKED, message: messageOf(TEXT, { terms: TIMED }) };
  const { lines, results } = await relay(task, ["MT-PRIORITY"]);
  assert.deepEqual(lines, []);
  assert.deepEqual(
    new Set(results.map(({ outcome, status }) => `${outcome} ${status}`)),
    new Set(["failed 5.3.3"]),
  );
});

const NAMES: readonly (readonly [said: string, forwardPath: string, orcpt: string])[] = [
  ["", "bob@far.example", ""],
  ["", "list@here.example", "rfc822;list@here.example"],
  ["", "dr\u00f8m@here.example", "utf-8;dr\\x{F8}m@here.example"],
  ["utf-8;dr\u00f8m@here.example", "x@here.example", "utf-8;dr\\x{F8}m@here.example"],
  ["rfc822;first@here.example", "list@here.example", "rfc822;first@here.example"],
];

for (const [originalRecipient, forwardPath, orcpt] of NAMES) {
  test(`bob, once called <${forwardPath}> and "${originalRecipient}", is called "${orcpt}" further on`, () => {
    const envelope = envelopeOf("bob@far.example", {
      forwardPath,
      terms: { notify: undefined, originalRecipient },
    });
    const notices = noticesOf(messageOf(TEXT), [envelope]);
    assert.equal(notices?.recipients[0]?.originalRecipient, orcpt);
  });
}

test("nothing is handed on of mail for which nothing was asked", () => {
  assert.equal(noticesOf(messageOf(TEXT), [envelopeOf("bob@far.example")]), undefined);
});
