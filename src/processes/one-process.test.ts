import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config/config.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { type MailSystem, startMailSystem } from "./one-process.ts";

const MINUTE_MS = 60_000;

/** A world with a folder for the spool, and how to start systems in it. */
async function worldWithSpool() {
  const world = new SimWorld(1);
  await world.disk.files().makeFolder("/spool", 0o700);
  const log: string[] = [];
  const start = (config: Config, spool = "/spool"): Promise<MailSystem | string> =>
    world.clock.runUntilSettled(
      startMailSystem(
        { users: world.users, startPart: () => world.startProcess() },
        {
          config,
          spool,
          controlSocket: "/control.sock",
          hostname: "host",
          dispatchers: 2,
          log: (line) => log.push(line),
        },
      ),
      MINUTE_MS,
    );
  return { world, log, start };
}

const CONFIG = configOf(
  "listen on 127.0.0.1 port 2525",
  'action "box" maildir "/mail/%{dest.user}"',
  'match from any for any action "box"',
);

/** The first line that a client hears. */
async function greeting(world: SimWorld): Promise<string> {
  const { clock, network } = world;
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 2525 } as const;
  const connection = await clock.runUntilSettled(
    network.connect(endpoint, { timeoutMs: 1000 }),
    MINUTE_MS,
  );
  if ("code" in connection) return connection.code;
  let heard = "";
  connection.start({
    data: (bytes) => (heard += Buffer.from(bytes).toString("latin1")),
    end: () => connection.end(),
    drain() {},
    closed() {},
  });
  await clock.advance(MINUTE_MS / 2);
  connection.destroy();
  return heard;
}

test("once it has started clients are greeted; once it has stopped nobody answers", async () => {
  const { world, start } = await worldWithSpool();
  const system = await start(CONFIG);
  assert.ok(typeof system !== "string");
  assert.match(await greeting(world), /^220 mail\.example\.org /u);
  await world.clock.runUntilSettled(system.stop(), MINUTE_MS);
  assert.equal(await greeting(world), "ECONNREFUSED");
  await system.ended;
  assert.equal(world.disk.openFiles, 0);
});

test("after it has stopped another one can have its place", async () => {
  const { world, start } = await worldWithSpool();
  for (let n = 0; n < 3; n++) {
    const system = await start(CONFIG);
    assert.ok(typeof system !== "string", `start ${n}: ${JSON.stringify(system)}`);
    await world.clock.runUntilSettled(system.stop(), MINUTE_MS);
  }
});

test("a spool that cannot be used is a line, and leaves nothing behind", async () => {
  const { world, start } = await worldWithSpool();
  const why = await start(CONFIG, "/none");
  assert.ok(typeof why === "string");
  assert.match(why, /\/none/u);
  assert.equal(await greeting(world), "ECONNREFUSED");
});

test("an endpoint in use is a line that names it", async () => {
  const { world, start } = await worldWithSpool();
  await world.network.listen({ kind: "tcp", host: "127.0.0.1", port: 2525 }, () => undefined);
  const why = await start(CONFIG);
  assert.ok(typeof why === "string");
  assert.match(why, /127\.0\.0\.1:2525/u);
});

test("whatever is killed is started again, and said in the log", async () => {
  const { world, log, start } = await worldWithSpool();
  const system = await start(CONFIG);
  assert.ok(typeof system !== "string");
  for (const role of ["queue", "dispatcher", "control"] as const) system.kill(role);
  await world.clock.advance(MINUTE_MS);
  const again = log.filter((line) => line.includes("starting it again"));
  assert.deepEqual(again.toSorted(), [
    "warn: control ended by SIGKILL, starting it again",
    "warn: dispatcher 0 ended by SIGKILL, starting it again",
    "warn: dispatcher 1 ended by SIGKILL, starting it again",
    "warn: queue ended by SIGKILL, starting it again",
  ]);
  assert.match(await greeting(world), /^220 /u);
});
