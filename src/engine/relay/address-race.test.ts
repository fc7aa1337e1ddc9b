import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#model/events.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { Relay } from "./relay.ts";

const DAY_MS = 86_400_000;
const SIX = "2001:db8::7";
const FOUR = "192.0.2.7";

/** A server of two families, the first of which leads nowhere if nothing else is said. */
class Scene {
  readonly world = new SimWorld(1);
  readonly events: Event[] = [];
  readonly relay: Relay;

  constructor() {
    const { network, clock, random, resolver, tls } = this.world;
    resolver.setMx("far.example", [{ preference: 10, exchange: "mx.far.example" }]);
    resolver.setAddresses("mx.far.example", [SIX, FOUR]);
    network.fail({ kind: "tcp", host: SIX, port: 25 }, { kind: "black-hole" });
    const parties = relayParties(tls, { observe: (event) => this.events.push(event) });
    const actions = new Map([["out", relayAction("out")]]);
    this.relay = new Relay({ network, clock, random, resolver }, actions, parties);
  }

  async server(host: string, settings: SinkSettings = {}): Promise<Sink> {
    const sink = new Sink(settings);
    await sink.listen(this.world.network, { kind: "tcp", host, port: 25 });
    return sink;
  }

  /** What came of a message, and how long it took. */
  async send(): Promise<{ readonly is: string; readonly tookMs: number }> {
    const { clock } = this.world;
    const startedMs = clock.monotonicMs();
    const task = taskOf(["x@far.example"], "Subject: x\r\n\r\nhello\r\n");
    const [result] = await clock.runUntilSettled(this.relay.attempt(task), DAY_MS);
    const { outcome, status, diagnostic, remote } = result ?? assert.fail("no result");
    const is = [outcome, status, diagnostic, remote].join(" | ");
    return { is, tookMs: clock.monotonicMs() - startedMs };
  }

  get begun(): readonly string[] {
    return this.events.flatMap((event) => (event.kind === "mta-connecting" ? [event.address] : []));
  }
}

const DELIVERED = `delivered | 2.0.0 | 250 2.0.0 Taken | mx.far.example [${FOUR}]`;

test("relay loses a quarter of a second to a family that leads nowhere, and that once", async () => {
  const scene = new Scene();
  const sink = await scene.server(FOUR);
  const first = await scene.send();
  assert.equal(first.is, DELIVERED);
  assert.ok(first.tookMs < 500, `it took ${first.tookMs} ms`);
  const second = await scene.send();
  assert.equal(second.is, DELIVERED);
  assert.ok(second.tookMs < 200, `it took ${second.tookMs} ms`);
  assert.equal(sink.sessions, 1);
  assert.deepEqual(scene.begun, [`smtp://[${SIX}]:25`, `smtp://${FOUR}:25`]);
});

test("relay comes back to an address that was outrun by one that takes no mail", async () => {
  const scene = new Scene();
  const { network } = scene.world;
  network.fail({ kind: "tcp", host: SIX, port: 25 }, { kind: "black-hole" }, 1);
  const six = await scene.server(SIX);
  const four = await scene.server(FOUR, {
    reply: (line) => (line === "BANNER" ? "421 4.3.2 No" : undefined),
  });
  const { is } = await scene.send();
  assert.equal(is, `delivered | 2.0.0 | 250 2.0.0 Taken | mx.far.example [${SIX}]`);
  assert.deepEqual([six.messages.length, four.messages.length], [1, 0]);
});

test("relay puts no address aside for having been outrun", async () => {
  const scene = new Scene();
  await scene.server(FOUR);
  await scene.send();
  assert.ok(!scene.events.some(({ kind }) => kind === "route-disabled"));
});

test("relay says of each address why it was not reached", async () => {
  const scene = new Scene();
  const { is } = await scene.send();
  assert.equal(
    is,
    `deferred | 4.4.1 | mx.far.example [${SIX}]: Connection timed out (at CONNECT); mx.far.example [${FOUR}]: Connection refused (at CONNECT) | `,
  );
});
