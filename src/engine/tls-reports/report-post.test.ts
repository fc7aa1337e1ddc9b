import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Event } from "#model/events.ts";
import type { ReportLetter } from "#model/ipc/tls-report-link.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { MemoryIntake } from "#test/support/memory-intake.ts";
import { postReport } from "./report-post.ts";

const FROM = { serverName: "mx.our.example", contact: "tls@our.example" };
const LETTER: ReportLetter = {
  to: "r@far.example",
  domain: "far.example",
  reportId: "2026-01-01.1f@mx.our.example",
  fileName: "mx.our.example!far.example!1!2.json.gz",
  gzip: gzipSync("{}"),
};
const ACCEPTED: Resolution = {
  kind: "accepted",
  envelopes: [
    {
      destination: "r@far.example",
      action: "out",
      transport: { kind: "mta" },
      rule: "smtpd.conf:3",
      trail: [],
      ttlMs: 1,
    },
  ],
};

interface Posted {
  readonly outcome: string;
  readonly intake: MemoryIntake;
  readonly asked: RecipientQuery[];
  readonly said: string;
}

async function post(
  letter: Partial<ReportLetter>,
  resolution: Resolution = ACCEPTED,
  mood = "",
): Promise<Posted> {
  const intake = new MemoryIntake(mood);
  const asked: RecipientQuery[] = [];
  const events: Event[] = [];
  const ports = {
    clock: new SimClock(),
    random: new SimRandom(1),
    intake,
    observe: (event: Event) => events.push(event),
    routing: {
      resolve: (question: RecipientQuery) => {
        asked.push(question);
        return resolution;
      },
    },
  };
  const outcome = await postReport(ports, FROM, { ...LETTER, ...letter });
  return { outcome, intake, asked, said: events.map((e) => ("text" in e ? e.text : "")).join() };
}

test("a report is mail of ours from the contact, that arrives whatever TLS does, and of which nobody is told", async () => {
  const { outcome, intake, asked } = await post({});
  assert.equal(outcome, "taken");
  const [question] = asked;
  assert.deepEqual(
    [question?.via, question?.reversePath, question?.forwardPath],
    ["internal", "tls@our.example", "r@far.example"],
  );
  const [kept] = intake.kept;
  assert.ok(kept);
  assert.equal(kept.message.origin.kind, "internal");
  assert.equal(kept.message.reversePath, "tls@our.example");
  assert.equal(kept.message.terms?.tls, "optional");
  assert.equal(kept.message.textBytes, kept.text.length);
  assert.deepEqual(
    kept.envelopes.map(({ terms }) => terms?.notify),
    [["never"]],
  );
  assert.match(kept.text.toString(), /^From: <tls@our\.example>\r\nTo: <r@far\.example>\r$/mu);
});

for (const [what, letter] of [
  ["an address with a line end", { to: "r@far.example\r\nBcc: x@y.example" }],
  ["no address", { to: "r" }],
  ["a name with a space", { domain: "far example" }],
  ["an id with a line end", { reportId: "a\r\nb" }],
  ["a file name with a quote", { fileName: 'a"b' }],
] as const)
  test(`lookup is believed in nothing: ${what} is no report`, async () => {
    const { outcome, intake, asked } = await post(letter);
    assert.deepEqual([outcome, intake.kept, asked], ["refused", [], []]);
  });

for (const [resolution, mood, outcome] of [
  [{ kind: "accepted", envelopes: [] }, "", "refused"],
  [{ kind: "unavailable", why: "no answer" }, "", "later"],
  [ACCEPTED, "gone", "later"],
  [ACCEPTED, "full", "later"],
] as readonly (readonly [Resolution, string, string])[])
  test(`way ${resolution.kind}, queue ${mood || "well"}: the report is ${outcome}`, async () => {
    const posted = await post({}, resolution, mood);
    assert.equal(posted.outcome, outcome);
    if (outcome === "refused") assert.match(posted.said, /has nowhere to go/u);
  });
