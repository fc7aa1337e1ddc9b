/** What `smtpctl explain` says of a domain that has a policy of MTA-STS, by whole processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { questionOf } from "#model/explanation.ts";
import { runningDaemon } from "#programs/smtpctl-running.ts";
import { statePaths } from "#programs/state-paths.ts";
import { policyText, startedWithPolicy } from "./policy-stage.ts";

const MINUTE_MS = 60_000;

/** What is explained of the one server of far.example, whose policy that is; and what was fetched. */
async function explained(
  policy: string,
  dns = true,
): Promise<{ readonly hop: readonly string[]; readonly fetched: readonly string[] }> {
  const { world, fetched } = await startedWithPolicy(policy, "mta sts");
  const daemon = runningDaemon(world.network, () => ({
    ...statePaths("/", 0),
    controlSocket: "/control.sock",
  }));
  const asked = daemon.explain(
    questionOf(["b@far.example"], { reversePath: "a@here.example", source: "192.0.2.1", dns }),
    undefined,
  );
  const answer = await world.clock.runUntilSettled(asked, MINUTE_MS);
  assert.ok(answer.kind === "explanation", JSON.stringify(answer));
  const way = answer.recipients[0]?.envelopes[0]?.way;
  assert.ok(way?.kind === "relay");
  const [hop] = way.hops;
  return { hop: hop === undefined ? [] : [hop.host, hop.tls, hop.problem], fetched };
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
