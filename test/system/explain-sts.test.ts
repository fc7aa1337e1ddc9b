/** What `smtpctl explain` says of a domain that has a policy of MTA-STS, by whole processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Http } from "#base/ports/http.ts";
import { startMailSystem } from "#processes/one-process.ts";
import { runningDaemon } from "#programs/smtpctl-running.ts";
import { statePaths } from "#programs/state-paths.ts";
import { configOf } from "#test/support/config-of.ts";
import { SimWorld } from "#world/sim/world.ts";

const MINUTE_MS = 60_000;

/** What is explained of the one server of far.example, whose policy that is; and what was fetched. */
async function explained(
  policy: string,
  dns = true,
): Promise<{ readonly hop: readonly string[]; readonly fetched: readonly string[] }> {
  const world = new SimWorld(1, {
    zone: {
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { "mx.far.example": ["192.0.2.7"] },
      texts: { "_mta-sts.far.example": ["v=STSv1; id=1"] },
    },
  });
  await world.disk.files().makeFolder("/spool", 0o700);
  const fetched: string[] = [];
  const http: Http = {
    get: async ({ url }) => {
      fetched.push(url);
      return { kind: "answer", body: Buffer.from(policy) };
    },
    post: () => assert.fail("nothing is posted"),
  };
  const system = await world.clock.runUntilSettled(
    startMailSystem(
      { users: world.users, http, startPart: () => world.startProcess() },
      {
        config: configOf(
          "mta sts",
          "listen on 127.0.0.1 port 587",
          'action "out" relay',
          'match from any for any action "out"',
        ),
        spool: "/spool",
        controlSocket: "/control.sock",
        hostname: "host",
        log: () => undefined,
      },
    ),
    MINUTE_MS,
  );
  assert.ok(typeof system !== "string", "it has started");
  const daemon = runningDaemon(world.network, () => ({
    ...statePaths("/", 0),
    controlSocket: "/control.sock",
  }));
  const asked = daemon.explain(
    {
      reversePath: "a@here.example",
      forwardPaths: ["b@far.example"],
      source: "192.0.2.1",
      helo: undefined,
      reverseName: undefined,
      username: "",
      localUser: "",
      tls: false,
      listener: undefined,
      sizeBytes: 0,
      dns,
    },
    undefined,
  );
  const answer = await world.clock.runUntilSettled(asked, MINUTE_MS);
  assert.ok(answer.kind === "explanation", JSON.stringify(answer));
  const way = answer.recipients[0]?.envelopes[0]?.way;
  assert.ok(way?.kind === "relay");
  const [hop] = way.hops;
  return { hop: hop === undefined ? [] : [hop.host, hop.tls, hop.problem], fetched };
}

function policyText(mode: string, mx: string): string {
  return `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;
}

const CASES: readonly (readonly [mode: string, mx: string, tls: string, problem: string])[] = [
  [
    "enforce",
    "mx.far.example",
    "TLS required and the server's name verified, by the domain's policy of MTA-STS",
    "",
  ],
  ["enforce", "mx.other.example", "", "MX is not in the MTA-STS policy of its domain"],
  [
    "testing",
    "mx.far.example",
    "the domain's policy of MTA-STS is being tested, and asks for nothing",
    "",
  ],
  ["none", "mx.far.example", "", ""],
];

for (const [mode, mx, tls, problem] of CASES) {
  test(`a policy in mode ${mode} that names ${mx} is explained`, async () => {
    const { hop } = await explained(policyText(mode, mx));
    assert.deepEqual(hop, ["mx.far.example", tls, problem]);
  });
}

test("where DNS is not to be asked, no policy is fetched", async () => {
  assert.deepEqual((await explained(policyText("enforce", "mx.far.example"), false)).fetched, []);
});
