import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Listener } from "#model/config/listener.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { type Opening, OpenListeners } from "./open-listeners.ts";

const MINUTE_MS = 60_000;

/** Listeners on these ports; `tag` tells the configurations apart. */
function listenersOn(tag: string, ...ports: readonly number[]): readonly Listener[] {
  const lines = ports.map((port) => `listen on 127.0.0.1 port ${port} tag ${tag}`);
  return configOf(...lines, 'action "out" relay', 'match from any for any action "out"').listeners;
}

class Hall {
  readonly world: SimWorld = new SimWorld(1);
  /** Who was accepted: the port and the tag. */
  readonly accepted: string[] = [];
  readonly listeners: OpenListeners<Connection> = new OpenListeners(
    this.world.network,
    (connection: Connection, { endpoint, tag }: Listener) => {
      connection.start(new RecordingHandler());
      this.accepted.push(`${endpoint.kind === "tcp" ? endpoint.port : 0} ${tag}`);
    },
  );

  async prepared(listeners: readonly Listener[]): Promise<Opening> {
    const opening = await this.listeners.prepare(listeners);
    assert.ok(typeof opening !== "string");
    return opening;
  }

  async takeUp(listeners: readonly Listener[]): Promise<void> {
    (await this.prepared(listeners)).takeUp();
  }

  /** Connects; what became of the client after a while. */
  async connects(port: number): Promise<"served" | "waits" | "refused"> {
    const { clock, network } = this.world;
    const before = this.accepted.length;
    const endpoint: Endpoint = { kind: "tcp", host: "127.0.0.1", port };
    const connection = await clock.runUntilSettled(
      network.connect(endpoint, { timeoutMs: 1000 }),
      MINUTE_MS,
    );
    if ("code" in connection) return "refused";
    connection.start(new RecordingHandler());
    await clock.advance(100);
    return this.accepted.length > before ? "served" : "waits";
  }
}

test("a client is served by the configuration that is in use when it comes", async () => {
  const hall = new Hall();
  await hall.takeUp(listenersOn("OLD", 25, 26));
  await hall.connects(25);
  await hall.takeUp(listenersOn("NEW", 25, 27));
  await hall.connects(25);
  assert.deepEqual(hall.accepted, ["25 OLD", "25 NEW"]);
  assert.deepEqual([await hall.connects(26), await hall.connects(27)], ["refused", "served"]);
});

test("who comes to a new listener before it is taken up waits, and is served then", async () => {
  const hall = new Hall();
  await hall.takeUp(listenersOn("OLD", 25));
  const opening = await hall.prepared(listenersOn("NEW", 25, 26));
  assert.deepEqual([await hall.connects(25), await hall.connects(26)], ["served", "waits"]);
  opening.takeUp();
  assert.deepEqual(hall.accepted, ["25 OLD", "26 NEW"]);
});

test("what is abandoned is closed, and nothing else has changed", async () => {
  const hall = new Hall();
  await hall.takeUp(listenersOn("OLD", 25));
  const opening = await hall.prepared(listenersOn("NEW", 26));
  assert.equal(await hall.connects(26), "waits");
  opening.abandon();
  assert.deepEqual([await hall.connects(25), await hall.connects(26)], ["served", "refused"]);
  assert.deepEqual(hall.accepted, ["25 OLD"]);
});

test("if one cannot be opened none is", async () => {
  const hall = new Hall();
  await hall.takeUp(listenersOn("OLD", 25));
  await hall.world.network.listen({ kind: "tcp", host: "127.0.0.1", port: 27 }, () => undefined);
  const refused = await hall.listeners.prepare(listenersOn("NEW", 26, 27));
  assert.ok(typeof refused === "string");
  assert.match(refused, /127\.0\.0\.1:27/u);
  assert.equal(await hall.connects(26), "refused");
  assert.deepEqual(hall.listeners.missing(listenersOn("OLD", 25)), []);
});

test("those who wait have a bound", async () => {
  const hall = new Hall();
  const opening = await hall.prepared(listenersOn("NEW", 25));
  for (let n = 0; n < 300; n++) await hall.connects(25);
  opening.takeUp();
  assert.equal(hall.accepted.length, 256);
});
