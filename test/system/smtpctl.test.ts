/**
 * smtpctl(8) on the queue of a whole mail system: what is selected, shown, counted and
 * changed, through all the processes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { WaitReason } from "#engine/scheduler/wait-reason.ts";
import { readManualPage } from "#test/support/manual-page.ts";
import { Sink } from "#test/support/sink.ts";
import { B_ENDPOINT, letter, twoHosts, type TwoHosts } from "./two-hosts.ts";

/** Its correspondent is down, so `count` letters wait, from two senders. */
async function waiting(seed: number, count: number): Promise<TwoHosts> {
  const hosts = await twoHosts(seed);
  await hosts.b.stop();
  for (let at = 0; at < count; at++) {
    const from = at % 3 === 0 ? "news@bulk.example" : "anna@a.example";
    await hosts.a.submit({ ...letter(`letter ${at}`), from });
  }
  await hosts.world.clock.advance(60_000);
  return hosts;
}

function ids(shown: string): readonly string[] {
  return shown.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(0, 16)]));
}

describe("smtpctl", () => {
  test("shows and counts what its options select", async () => {
    const { world, a } = await waiting(1, 9);
    assert.equal(await a.control("show", "queue", "--count"), "9\n");
    assert.equal(await a.control("show", "queue", "--from", "@bulk.example", "--count"), "3\n");
    assert.equal(
      ids(await a.control("show", "queue", "--from", "@*.example", "--limit", "4")).length,
      4,
    );
    assert.equal(await a.control("show", "queue", "--reason", "retry", "--count"), "9\n");
    assert.equal(await a.control("show", "queue", "--domain", "*.b.example"), "");
    assert.equal(await a.control("show", "queue", "--age", ">1h"), "");
    const [row = ""] = (await a.control("show", "queue", "--json", "--limit", "1")).split("\n");
    const { route, reason } = JSON.parse(row) as { route: string; reason: { kind: string } };
    assert.deepEqual([route, reason.kind], ["relay out b.example", "retry"]);
    await world.clock.advance(3_600_000);
    assert.equal(ids(await a.control("show", "queue", "--age", ">1h")).length, 9);
    assert.equal(
      await a.control("show", "queue", "--by", "from"),
      [
        "     total       <5m       <1h       <6h       <1d     older  from",
        "         9         0         0         9         0         0  TOTAL",
        "         6         0         0         6         0         0  anna@a.example",
        "         3         0         0         3         0         0  news@bulk.example",
        "",
      ].join("\n"),
    );
    const [id = ""] = ids(await a.control("show", "queue"));
    assert.match(await a.control("show", "envelope", id), /^route: relay out b\.example$/mu);
  });

  test("changes what its options select, and nothing else", async () => {
    const { a } = await waiting(2, 9);
    assert.equal(
      await a.control("pause", "envelope", "--from", "@bulk.example"),
      "3 envelopes paused\n",
    );
    assert.equal(await a.control("show", "queue", "--reason", "suspended", "--count"), "3\n");
    assert.equal(await a.control("schedule", "all"), "6 envelopes scheduled\n");
    assert.equal(
      await a.control("remove", "--reason", "suspended", "--limit", "2"),
      "2 envelopes removed\n",
    );
    assert.equal(await a.control("resume", "envelope", "all"), "1 envelope resumed\n");
    assert.equal(await a.control("show", "queue", "--count"), "7\n");
  });

  test("asks for -y before more than fifty envelopes change, and then tells what has changed", async () => {
    const { a } = await waiting(3, 51);
    const refused = await a.control("remove", "all");
    assert.equal(ids(refused).length, 11);
    assert.match(
      refused,
      /\n51 envelopes would be removed; nothing was changed: more than 50 are changed with -y\n$/u,
    );
    assert.equal(await a.control("show", "queue", "--count"), "51\n");
    assert.equal(await a.control("remove", "all", "--limit", "50"), "50 envelopes removed\n");
    assert.equal(await a.control("remove", "all", "-y"), "1 envelope removed\n");
  });

  test("says of an attempt under way how far it is, and with whom", async () => {
    const { world, a, b } = await twoHosts(7);
    await b.stop();
    const sink = new Sink({ reply: (line) => (line.startsWith("TEXT") ? "silent" : undefined) });
    await sink.listen(world.network, B_ENDPOINT);
    await a.submit(letter("slow"));
    await world.clock.advance(5000);
    const [id = ""] = ids(await a.control("show", "queue"));
    const waits =
      /^waits: in flight for \d+ s, all is sent, waiting for the reply of mail\.b\.example$/mu;
    assert.match(await a.control("show", "envelope", id), waits);
    const [row = ""] = (await a.control("show", "queue", "--json")).split("\n");
    const { reason } = JSON.parse(row) as { reason: Extract<WaitReason, { kind: "inflight" }> };
    assert.deepEqual([reason.stage, reason.remote], ["reply", "mail.b.example"]);
    assert.match(
      await a.control("show", "hosts"),
      /^192\.0\.2\.2 mail\.b\.example refcount=1 nconn=1 /mu,
    );
    assert.match(
      await a.control("show", "routes"),
      /^\d+\. \[\] <-> 192\.0\.2\.2 \(mail\.b\.example\) /mu,
    );
    assert.match(
      await a.control("show", "relays"),
      /^\[relay:b\.example,smtp\S*\] refcount=\d+ ntask=1 nconn=1 .*\n {2}connector \[\] .*\n$/u,
    );
  });

  test("keeps what is paused of relaying over the death of any child, and says what is", async () => {
    const { world, a } = await waiting(6, 1);
    const pair = ["mta", "from", "192.0.2.1", "for", "B.example"];
    assert.equal(await a.control("show", "mta", "paused"), "");
    assert.equal(await a.control("pause", ...pair), "command succeeded\n");
    assert.equal(await a.control("pause", ...pair), "command failed: already paused\n");
    assert.equal(await a.control("pause", "mta", "from", "2001:db8::1"), "command succeeded\n");
    assert.equal(await a.control("pause", "mda"), "command succeeded\n");
    assert.equal(await a.control("pause", "mda"), "command failed: already paused\n");
    for (const role of ["dispatcher", "queue"] as const) {
      a.kill(role);
      await world.clock.advance(30_000);
    }
    assert.equal(await a.control("show", "status"), "MDA paused\nMTA running\nSMTP running\n");
    assert.equal(await a.control("resume", "mda"), "command succeeded\n");
    assert.equal(
      await a.control("show", "mta", "paused"),
      "192.0.2.1 -> b.example\n2001:db8::1 -> *\n",
    );
    assert.equal(
      await a.control("show", "mta", "paused", "--json"),
      '{"source":"192.0.2.1","domain":"b.example"}\n{"source":"2001:db8::1","domain":""}\n',
    );
    assert.equal(await a.control("resume", ...pair), "command succeeded\n");
    assert.equal(await a.control("resume", ...pair), "command failed: already running\n");
    assert.match(await a.control("resume", "route", "9999"), /no such route is disabled/u);
  });

  test("has no figure that its manual does not have", async () => {
    const { a } = await waiting(4, 1);
    const figures = (await a.control("show", "stats")).trimEnd().split("\n");
    assert.ok(figures.length > 10, figures.join("\n"));
    const named = namesInManual("STATISTICS").map(pattern);
    const missing = figures
      .map((line) => line.slice(0, line.indexOf("=")))
      .filter((name) => !named.some((each) => each.test(name)));
    assert.deepEqual(missing, []);
  });

  test("has a name in its manual for each reason to wait", () => {
    const named = new Set(namesInManual("WAITING"));
    assert.deepEqual(
      Object.keys(REASONS).filter((kind) => !named.has(kind)),
      [],
    );
  });
});

/** All of them: the type sees to it. */
const REASONS: Readonly<Record<WaitReason["kind"], true>> = {
  retry: true,
  hold: true,
  turn: true,
  limit: true,
  paused: true,
  suspended: true,
  "no-action": true,
  inflight: true,
  recording: true,
  offline: true,
};

/** What is set as code in the first column of the tables of a section. */
function namesInManual(wanted: string): readonly string[] {
  const path = join(import.meta.dirname, "../../man/smtpctl.8.md");
  const page = readManualPage(readFileSync(path, "utf8"));
  return page.parts
    .filter(({ section }) => section === wanted)
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) => (block.kind === "table" ? block.rows.slice(1) : []))
    .flatMap(([name = []]) => name.filter(({ kind }) => kind === "code"))
    .map(({ text }) => text);
}

/** `*` is any words. */
function pattern(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".+")}$`, "u");
}
