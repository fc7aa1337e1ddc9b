/** How far a message is, to who asks while it is sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AttemptProgress, BEGUN } from "#model/attempt-progress.ts";
import { SimWorld } from "#world/sim/world.ts";
import { textOf } from "#test/support/deliveries.ts";
import { Sink } from "#test/support/sink.ts";
import { ClientPool } from "./client-pool.ts";
import { type ClientRoute, NO_WATCH } from "./client-route.ts";
import { ConnectionLimits } from "./connection-limits.ts";

const AT = { kind: "tcp", host: "192.0.2.1", port: 25 } as const;
const TEXT = textOf("Subject: x\r\n\r\n");
const MAIL = {
  reversePath: "a@x.example",
  forwardPaths: ["b@y.example"],
  textBytes: TEXT.bytes,
  is8bit: false,
};
const ROUTE: ClientRoute = {
  key: "out",
  endpoint: AT,
  dialect: "smtp",
  helo: "client.example",
  host: "mx.y.example",
  relay: "",
  session: { maxMails: 10, keepAliveMs: 10_000, pauseMs: 0, maxRefusals: Infinity },
  caps: () => [
    {
      key: "all",
      max: 1,
      delayMs: 0,
      reconnectMs: 0,
      of: "part",
      words: { max: "max", delay: "delay", reconnect: "reconnect", flag: "LIMIT_HOST" },
    },
  ],
};

/** A server that goes silent at `line`, and what is sent to it. */
async function sending(line: string | undefined): Promise<{
  readonly progress: AttemptProgress;
  readonly pool: ClientPool;
  readonly world: SimWorld;
}> {
  const world = new SimWorld(1);
  const sink = new Sink({
    reply: (said) => (line !== undefined && said.startsWith(line) ? "silent" : undefined),
  });
  await sink.listen(world.network, AT);
  const { network, clock, random } = world;
  const pool = new ClientPool({
    network,
    clock,
    random,
    observe: () => undefined,
    limits: new ConnectionLimits(clock),
    watch: NO_WATCH,
  });
  const progress = new AttemptProgress();
  assert.equal(progress.at, BEGUN);
  void pool.send(ROUTE, MAIL, TEXT, progress);
  return { progress, pool, world };
}

const CASES: readonly (readonly [silentAt: string, stage: string])[] = [
  ["BANNER", "greeting"],
  ["EHLO", "greeting"],
  ["MAIL", "sending"],
  ["DATA", "sending"],
  ["TEXT", "reply"],
];

for (const [silentAt, stage] of CASES) {
  test(`while a server is silent at ${silentAt}, its message is at "${stage}"`, async () => {
    const { progress, world } = await sending(silentAt);
    assert.deepEqual(progress.at, { stage: "connecting", remote: "mx.y.example" });
    await world.clock.advance(10_000);
    const { stage: at, remote } = progress.at;
    assert.deepEqual([at, remote], [stage, "mx.y.example"]);
  });
}

test("who waits for the connection of another says so, and has it then", async () => {
  const { pool, world } = await sending("TEXT");
  await world.clock.advance(1000);
  const second = new AttemptProgress();
  void pool.send(ROUTE, MAIL, TEXT, second);
  await world.clock.advance(1000);
  assert.deepEqual(second.at, { stage: "connection", remote: "mx.y.example" });
});
