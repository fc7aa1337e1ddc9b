import assert from "node:assert/strict";
import { test } from "node:test";
import type { RelayAction } from "#model/config/action.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import type { Event } from "#model/events.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink } from "#test/support/sink.ts";
import { Relay } from "./relay.ts";
import { DEFAULT_LIMITS } from "./relay-limits.ts";
import { RelayMemory } from "./relay-memory.ts";

const DAY_MS = 86_400_000;

/** What a relay that uses IPv4 alone tells the log. */
class Scene {
  readonly world = new SimWorld(1);
  readonly events: Event[] = [];
  readonly relay: Relay;
  readonly memory: RelayMemory;

  constructor(fields: Partial<RelayAction> = {}) {
    const { network, clock, random, resolver, tls } = this.world;
    const observe = (event: Event): void => void this.events.push(event);
    const mtaLimits = { ...DEFAULT_LIMITS.mtaLimits, family: "inet4" } as const;
    this.memory = new RelayMemory(clock, observe);
    this.relay = new Relay(
      { network, clock, random, resolver },
      new Map([["out", relayAction("out", fields)]]),
      relayParties(tls, { observe }),
      { memory: this.memory, limits: { ...DEFAULT_LIMITS, mtaLimits } },
    );
  }

  async send(): Promise<DeliveryResult | undefined> {
    const attempt = this.relay.attempt(taskOf(["bob@far.example"], "Subject: x\r\n\r\nhello\r\n"));
    const [result] = await this.world.clock.runUntilSettled(attempt, DAY_MS);
    return result;
  }

  get lacks(): readonly string[] {
    return this.events.flatMap((event) =>
      event.kind === "route-lacking" ? [`${event.lack} ${event.destination}`] : [],
    );
  }
}

test("a result over a connection has the id that the log tells of it by, and our address", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("far.example", ["192.0.2.1"]);
  await new Sink({}).listen(scene.world.network, { kind: "tcp", host: "192.0.2.1", port: 25 });
  const result = await scene.send();
  const [connecting] = scene.events;
  assert.equal(connecting?.kind, "mta-connecting");
  assert.equal(result?.outcome, "delivered");
  assert.equal(result.over?.session, connecting.session);
  assert.match(result.over.source, /^[0-9.]+$/u);
  assert.deepEqual(scene.lacks, []);
});

for (const [name, address, told] of [
  ["a domain without a server", undefined, "no-mx far.example"],
  ["a server without an address that may be used", "2001:db8::1", "family-mismatch far.example"],
] as const)
  test(`the log is told of ${name}`, async () => {
    const scene = new Scene();
    const { resolver } = scene.world;
    if (address === undefined)
      resolver.setMx("far.example", [{ preference: 0, exchange: "mx.example" }]);
    else resolver.setAddresses("far.example", [address]);
    assert.equal((await scene.send())?.over, undefined);
    assert.deepEqual(scene.lacks, [told]);
  });

test("the log is told that the only route is put aside, and that all are blocked", async () => {
  const scene = new Scene();
  scene.world.resolver.setAddresses("far.example", ["192.0.2.1"]);
  await scene.send();
  assert.deepEqual(scene.lacks, [], "it was tried");
  await scene.send();
  assert.deepEqual(scene.lacks, ["no-valid-route far.example"]);
});
