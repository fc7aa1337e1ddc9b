/**
 * MTA-STS in a whole mail system on virtual time: lookup fetches the policy, the dispatcher
 * obeys it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { LINES, policyText, startedWithPolicy } from "./policy-stage.ts";
import { submit } from "./submission.ts";

const MINUTE_MS = 60_000;
const POLICY = policyText("enforce", "mx.right.example");

test("a policy that is to be enforced keeps mail from a server that it has not", async () => {
  const { world, log, fetched, sink } = await startedWithPolicy(POLICY, "mta sts");
  await submit(world);
  await submit(world);
  assert.deepEqual(fetched, ["https://mta-sts.far.example/.well-known/mta-sts.txt"]);
  assert.match(log.join("\n"), /MX is not in the MTA-STS policy of its domain/u);
  assert.deepEqual(sink.messages, []);
});

test("without the word nobody is asked for policies", async () => {
  const { world, fetched, sink } = await startedWithPolicy(POLICY);
  await submit(world);
  assert.deepEqual(fetched, []);
  assert.equal(sink.messages.length, 1);
});

test("while lookup is away nothing goes to a domain that may have a policy", async () => {
  const { world, system, log, sink } = await startedWithPolicy(POLICY, "mta sts");
  system.kill("lookup");
  await submit(world);
  assert.deepEqual(sink.messages, []);
  assert.match(log.join("\n"), /Temporary failure in MTA-STS lookup|not in the MTA-STS policy/u);
});

test("a reload brings the word, and the process that fetches", async () => {
  const { world, system, fetched, sink } = await startedWithPolicy(POLICY);
  const reloading = system.reload(configOf(...LINES, "mta sts"));
  const reloaded = await world.clock.runUntilSettled(reloading, MINUTE_MS);
  assert.equal(reloaded.kind, "reloaded");
  await submit(world);
  assert.equal(fetched.length, 1);
  assert.deepEqual(sink.messages, []);
});
