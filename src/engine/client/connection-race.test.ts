import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection, NetworkFault } from "#base/ports/network.ts";
import { SimWorld } from "#world/sim/world.ts";
import { Sink } from "#test/support/sink.ts";
import { type Cap, ConnectionLimits } from "./connection-limits.ts";
import { type Ahead, ConnectionRace, NEXT_ATTEMPT_MS } from "./connection-race.ts";

const LATENCY_MS = 20;
const TIMEOUT_MS = 10_000;
const WORDS = { max: "max", delay: "delay", reconnect: "reconnect", flag: "LIMIT_HOST" } as const;

function capsOf(max: number): readonly Cap[] {
  return [{ key: "all", of: "part", max, delayMs: 0, reconnectMs: 0, words: WORDS }];
}

const ONE = capsOf(1);

function at(number: number): Endpoint {
  return { kind: "tcp", host: `192.0.2.${number}`, port: 25 };
}

type Server = "answers" | "black hole" | "refuses";

/** What its addresses do, in order, and a limit on how many may be tried beside the first. */
class Scene {
  readonly world = new SimWorld(1, { network: { latencyMs: LATENCY_MS } });
  readonly sinks: Sink[] = [];
  readonly limits: ConnectionLimits;
  readonly race: ConnectionRace;
  readonly begun: number[] = [];

  constructor(
    servers: readonly Server[],
    { maxAhead = 10, served = -1 }: { readonly maxAhead?: number; readonly served?: number } = {},
  ) {
    const { network, clock } = this.world;
    this.limits = new ConnectionLimits(clock);
    const caps = capsOf(maxAhead);
    for (const [index, server] of servers.entries()) {
      const sink = new Sink();
      this.sinks.push(sink);
      if (server === "answers") void sink.listen(network, at(index));
      if (server === "black hole") network.fail(at(index), { kind: "black-hole" });
    }
    const ahead = (index: number): Ahead | "served" | undefined => {
      if (index === served) return "served";
      if (this.limits.obstacle(caps) !== undefined) return undefined;
      this.begun.push(index);
      const room = this.limits.enter(caps);
      return { room, sourceAddress: undefined, timeoutMs: TIMEOUT_MS };
    };
    this.race = new ConnectionRace(
      this.world,
      servers.map((_, index) => ({ endpoint: at(index), ahead: () => ahead(index) })),
    );
  }

  /** What the address is told at its turn, and when. */
  async turn(index: number): Promise<string> {
    const { clock } = this.world;
    const startedMs = clock.monotonicMs();
    const connecting = this.race.entry(index).connect({ timeoutMs: TIMEOUT_MS });
    const made = await clock.runUntilSettled(connecting, 60_000);
    return `${wordOf(made)} after ${Math.round(clock.monotonicMs() - startedMs)} ms`;
  }

  get sessions(): readonly number[] {
    return this.sinks.map(({ sessions }) => sessions);
  }
}

function wordOf(made: Connection | NetworkFault): string {
  return "kind" in made ? made.code : "connected";
}

test("an address that answers in time is on its own", async () => {
  const scene = new Scene(["answers", "answers"]);
  assert.equal(await scene.turn(0), `connected after ${LATENCY_MS} ms`);
  await scene.world.clock.advance(TIMEOUT_MS);
  assert.deepEqual(scene.sessions, [1, 0]);
});

test("an address that does not answer is outrun by the next one, whose connection is there at its turn", async () => {
  const scene = new Scene(["black hole", "answers"]);
  assert.equal(await scene.turn(0), `EOUTRUN after ${NEXT_ATTEMPT_MS + LATENCY_MS} ms`);
  assert.equal(await scene.turn(1), "connected after 0 ms");
  assert.deepEqual(scene.sessions, [0, 1]);
});

test("addresses are begun one after the other, and those between are outrun as well", async () => {
  const scene = new Scene(["black hole", "black hole", "answers", "answers"]);
  assert.equal(await scene.turn(0), `EOUTRUN after ${2 * NEXT_ATTEMPT_MS + LATENCY_MS} ms`);
  assert.equal(await scene.turn(1), "EOUTRUN after 0 ms");
  assert.equal(await scene.turn(2), "connected after 0 ms");
  assert.deepEqual([scene.begun, scene.sessions[3]], [[1, 2], 0]);
});

test("a fault is told to the address that has it, also of an attempt that was made ahead", async () => {
  const scene = new Scene(["refuses", "refuses"]);
  assert.equal(await scene.turn(0), `ECONNREFUSED after ${LATENCY_MS} ms`);
  const ahead = new Scene(["black hole", "refuses"]);
  assert.equal(await ahead.turn(0), `ETIMEDOUT after ${TIMEOUT_MS} ms`);
  assert.equal(await ahead.turn(1), "ECONNREFUSED after 0 ms");
});

test("an address to which there is a connection already outruns one that does not answer", async () => {
  const scene = new Scene(["black hole", "answers"], { served: 1 });
  assert.equal(await scene.turn(0), `EOUTRUN after ${NEXT_ATTEMPT_MS} ms`);
  assert.equal(await scene.turn(1), `connected after ${LATENCY_MS} ms`);
});

test("an address that was outrun may be tried again, on its own", async () => {
  const scene = new Scene(["black hole", "answers"]);
  await scene.turn(0);
  assert.equal(await scene.turn(0), `ETIMEDOUT after ${TIMEOUT_MS} ms`);
});

test("nothing is begun ahead without room", async () => {
  const scene = new Scene(["black hole", "answers"], { maxAhead: 1 });
  scene.limits.enter(ONE);
  assert.equal(await scene.turn(0), `ETIMEDOUT after ${TIMEOUT_MS} ms`);
  assert.deepEqual(scene.begun, []);
});

test("when a race ends what was not used is closed, and its room is free", async () => {
  const scene = new Scene(["black hole", "answers", "answers"], { maxAhead: 1 });
  await scene.turn(0);
  assert.deepEqual(scene.begun, [1]);
  scene.race.end();
  await scene.world.clock.advance(TIMEOUT_MS);
  assert.equal(scene.sinks[1]?.openConnections, 0);
  assert.equal(scene.limits.obstacle(ONE), undefined);
});

test("the room of an attempt goes to who uses its connection, once", async () => {
  const scene = new Scene(["black hole", "answers"], { maxAhead: 1 });
  await scene.turn(0);
  const entry = scene.race.entry(1);
  const room = entry.takeRoom();
  assert.ok(room, "there is a room");
  assert.equal(entry.takeRoom(), undefined);
  await scene.turn(1);
  scene.race.end();
  assert.equal(scene.limits.obstacle(ONE)?.kind, "full");
  room.leave();
  assert.equal(scene.limits.obstacle(ONE), undefined);
});
