/**
 * MTA-STS in a whole mail system on virtual time: lookup fetches the policy, the dispatcher
 * obeys it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Http } from "#base/ports/http.ts";
import { type MailSystem, startMailSystem } from "#processes/one-process.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { Sink } from "#test/support/sink.ts";
import { submit } from "./submission.ts";

const MINUTE_MS = 60_000;
const LINES: readonly string[] = [
  "listen on 127.0.0.1 port 587",
  'action "out" relay',
  'match from any for any action "out"',
];
const POLICY = "version: STSv1\nmode: enforce\nmx: mx.right.example\nmax_age: 86400\n";

interface Stage {
  readonly world: SimWorld;
  readonly system: MailSystem;
  readonly log: string[];
  readonly fetched: string[];
  readonly sink: Sink;
}

async function started(...lines: readonly string[]): Promise<Stage> {
  const world = new SimWorld(1, {
    zone: {
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { "mx.far.example": ["192.0.2.7"] },
      texts: { "_mta-sts.far.example": ["v=STSv1; id=1"] },
    },
  });
  await world.disk.files().makeFolder("/spool", 0o700);
  const sink = new Sink();
  await sink.listen(world.network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const log: string[] = [];
  const fetched: string[] = [];
  const http: Http = {
    get: async ({ url }) => {
      fetched.push(url);
      return { kind: "answer", body: Buffer.from(POLICY) };
    },
    post: () => assert.fail("nothing is posted"),
  };
  const system = await world.clock.runUntilSettled(
    startMailSystem(
      { users: world.users, http, startPart: () => world.startProcess() },
      {
        config: configOf(...LINES, ...lines),
        spool: "/spool",
        controlSocket: "/control.sock",
        hostname: "host",
        log: (line) => log.push(line),
      },
    ),
    MINUTE_MS,
  );
  assert.ok(typeof system !== "string", "it has started");
  return { world, system, log, fetched, sink };
}

test("a policy that is to be enforced keeps mail from a server that it has not", async () => {
  const { world, log, fetched, sink } = await started("mta sts");
  await submit(world);
  await submit(world);
  assert.deepEqual(fetched, ["https://mta-sts.far.example/.well-known/mta-sts.txt"]);
  assert.match(log.join("\n"), /MX is not in the MTA-STS policy of its domain/u);
  assert.deepEqual(sink.messages, []);
});

test("without the word nobody is asked for policies", async () => {
  const { world, fetched, sink } = await started();
  await submit(world);
  assert.deepEqual(fetched, []);
  assert.equal(sink.messages.length, 1);
});

test("while lookup is away nothing goes to a domain that may have a policy", async () => {
  const { world, system, log, sink } = await started("mta sts");
  system.kill("lookup");
  await submit(world);
  assert.deepEqual(sink.messages, []);
  assert.match(log.join("\n"), /Temporary failure in MTA-STS lookup|not in the MTA-STS policy/u);
});

test("a reload brings the word, and the process that fetches", async () => {
  const { world, system, fetched, sink } = await started();
  const reloading = system.reload(configOf(...LINES, "mta sts"));
  const reloaded = await world.clock.runUntilSettled(reloading, MINUTE_MS);
  assert.equal(reloaded.kind, "reloaded");
  await submit(world);
  assert.equal(fetched.length, 1);
  assert.deepEqual(sink.messages, []);
});
