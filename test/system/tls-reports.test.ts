/**
 * TLS reports in a whole mail system on virtual time: a dispatcher counts, lookup keeps, the
 * queue sends, and the report arrives where the policy that it tells of would let nothing in.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { simpleParser } from "mailparser";
import { type PolicyStage, policyText, startedWithPolicy } from "./policy-stage.ts";
import { submit } from "./submission.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const REPORTS = 'mta tls-report from "tls@our.example" organization "Ours"';

/** @param mode of the policy. */
function started(mode: string, ...lines: readonly string[]): Promise<PolicyStage> {
  return startedWithPolicy(policyText(mode, "mx.far.example"), "mta sts", ...lines);
}

interface Report {
  readonly "organization-name": string;
  readonly policies: readonly {
    readonly policy: Readonly<Record<string, unknown>>;
    readonly summary: Readonly<Record<string, number>>;
    readonly "failure-details": readonly Readonly<Record<string, unknown>>[];
  }[];
}

async function reportIn(text: Buffer): Promise<Report> {
  const { attachments } = await simpleParser(text);
  assert.equal(attachments[0]?.contentType, "application/tlsrpt+gzip");
  return JSON.parse(gunzipSync(attachments[0].content).toString()) as Report;
}

test("a policy that is tested delivers, and its domain is told what would have failed", async () => {
  const { world, log, sink } = await started("testing", REPORTS);
  await submit(world);
  await submit(world);
  assert.equal(sink.messages.length, 2);
  await world.clock.advance(2 * DAY_MS);
  assert.equal(sink.messages.length, 3, log.join("\n"));
  const [, , sent] = sink.messages;
  assert.ok(sent);
  assert.deepEqual(sent.forwardPaths, ["reports@far.example"]);
  assert.equal(sent.reversePath, "tls@our.example");
  const report = await reportIn(Buffer.from(sent.text));
  assert.equal(report["organization-name"], "Ours");
  const [found, ...others] = report.policies;
  assert.equal(others.length, 0);
  assert.deepEqual(found?.policy, {
    "policy-type": "sts",
    "policy-string": ["version: STSv1", "mode: testing", "mx: mx.far.example", "max_age: 86400"],
    "policy-domain": "far.example",
    "mx-host": ["mx.far.example"],
  });
  const sessions = found["failure-details"].map((each) => [
    each["result-type"],
    each["receiving-mx-hostname"],
    each["receiving-ip"],
    each["failed-session-count"],
  ]);
  assert.deepEqual(sessions, [["starttls-not-supported", "mx.far.example", "192.0.2.7", 2]]);
  assert.match(log.join("\n"), /TLS report about far\.example of 2026-01-01: sent to mailto:/u);
  // What the report itself met with is nothing to report.
  await world.clock.advance(3 * DAY_MS);
  assert.equal(sink.messages.length, 3);
});

test("a policy that is enforced keeps mail back, but not the report that says so", async () => {
  const { world, sink, log } = await started("enforce", REPORTS);
  await submit(world);
  assert.equal(sink.messages.length, 0);
  await world.clock.advance(DAY_MS + DAY_MS / 2);
  const texts = sink.messages.map(({ text }) => Buffer.from(text).toString());
  assert.equal(texts.length, 1, log.join("\n"));
  assert.match(texts[0] ?? "", /^TLS-Required: No\r$/mu);
  const report = await reportIn(Buffer.from(texts[0] ?? ""));
  assert.ok((report.policies[0]?.summary["total-failure-session-count"] ?? 0) > 1);
});

test("without the words nobody is told anything", async () => {
  const { world, sink } = await started("testing");
  await submit(world);
  await world.clock.advance(3 * DAY_MS);
  assert.equal(sink.messages.length, 1);
});

test("what a lookup that is gone had not written is lost, and nothing else", async () => {
  const { world, system, sink } = await started("testing", REPORTS);
  await submit(world);
  system.kill("lookup");
  await world.clock.advance(MINUTE_MS);
  await submit(world);
  await world.clock.advance(2 * DAY_MS);
  const [last] = sink.messages.slice(-1);
  assert.ok(last && sink.messages.length >= 3);
  await reportIn(Buffer.from(last.text));
});
