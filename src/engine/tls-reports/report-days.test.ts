import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { HttpAnswer, HttpQuestion } from "#base/ports/http.ts";
import type { SessionFailure } from "#protocols/tlsrpt/tls-report.ts";
import type { Event } from "#model/events.ts";
import {
  type LetterOutcome,
  MAX_REPORT_BYTES,
  type ReportLetter,
} from "#model/ipc/tls-report-link.ts";
import type { CountedSessions } from "#model/tls-session.ts";
import { SimWorld } from "#world/sim/world.ts";
import { DAY_MS, MAX_FAILURE_KINDS, MAX_POLICIES } from "./day-findings.ts";
import {
  MAX_DOMAINS,
  MAX_KEPT_BYTES,
  ReportDays,
  RETRY_MS,
  SPREAD_MS,
  WRITE_MS,
} from "./report-days.ts";
import { MAX_A_DAY } from "./recipient-limits.ts";
import { ReportStore } from "./report-store.ts";

const FOLDER = "/kept";
const HOUR_MS = 3_600_000;
const REPORTER = { serverName: "mx.our.example", contact: "tls@our.example", organization: "Ours" };
const RECORD = "v=TLSRPTv1; rua=mailto:r@far.example,https://far.example/tls";

const FAILURE: SessionFailure = {
  type: "certificate-expired",
  reason: "CERT_HAS_EXPIRED",
  sendingIp: "192.0.2.1",
  mxHost: "mx.far.example",
  receivingIp: "192.0.2.7",
};

function session(
  domain: string,
  sessions: number,
  failure?: SessionFailure,
  strings: readonly string[] = [],
): CountedSessions {
  const policy = { type: "sts", domain, strings, mxHosts: [] } as const;
  return { domain, policy, failure, sessions };
}

interface Summary {
  readonly "report-id": string;
  readonly "date-range": Readonly<Record<string, string>>;
  readonly policies: readonly {
    readonly summary: Readonly<Record<string, number>>;
    readonly "failure-details"?: readonly unknown[];
  }[];
}

class Scene {
  readonly world = new SimWorld(7);
  readonly letters: ReportLetter[] = [];
  readonly posts: HttpQuestion[] = [];
  readonly events: Event[] = [];
  outcome: LetterOutcome = "taken";
  answer: HttpAnswer = { kind: "answer", body: Buffer.alloc(0) };
  days: ReportDays = this.#made();

  static async start(
    records: Readonly<Record<string, string>> = { "far.example": RECORD },
  ): Promise<Scene> {
    const scene = new Scene();
    for (const [domain, record] of Object.entries(records))
      scene.world.resolver.setTexts(`_smtp._tls.${domain}`, [record]);
    await scene.#settled(scene.world.disk.files().makeFolder(FOLDER, 0o700));
    return scene;
  }

  #made(): ReportDays {
    const { clock, random, resolver, disk } = this.world;
    const days = new ReportDays({
      clock,
      random,
      resolver,
      observe: (event) => this.events.push(event),
      store: new ReportStore(disk.files(), FOLDER),
      http: {
        post: async (question) => {
          this.posts.push(question);
          return this.answer;
        },
      },
      post: async (letter) => {
        this.letters.push(letter);
        return this.outcome;
      },
    });
    days.takeUp(REPORTER);
    return days;
  }

  async restart(): Promise<void> {
    await this.#settled(this.days.stop());
    this.days = this.#made();
    await this.#settled(this.days.load());
  }

  pass(ms: number): Promise<void> {
    return this.world.clock.advance(ms);
  }

  async files(): Promise<readonly string[]> {
    return this.#settled(this.world.disk.files().list(FOLDER));
  }

  get said(): string {
    return this.events.map((event) => ("text" in event ? event.text : event.kind)).join("\n");
  }

  #settled<Value>(work: Promise<Value>): Promise<Value> {
    return this.world.clock.runUntilSettled(work, 60_000);
  }
}

function read(gzip: Uint8Array | undefined): Summary {
  assert.ok(gzip);
  return JSON.parse(gunzipSync(gzip).toString()) as Summary;
}

test("a day is told of after its end, to everybody that the domain names", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 5), session("far.example", 2, FAILURE)]);
  await scene.pass(HOUR_MS);
  scene.days.count([session("far.example", 1), session("far.example", 1, FAILURE)]);
  await scene.pass(23 * HOUR_MS - 1);
  assert.equal(scene.letters.length, 0);
  await scene.pass(SPREAD_MS);
  const [letter] = scene.letters;
  assert.deepEqual(
    [letter?.to, letter?.domain, letter?.fileName],
    ["r@far.example", "far.example", "mx.our.example!far.example!1767225600!1767311999.json.gz"],
  );
  const report = read(letter?.gzip);
  assert.equal(report["report-id"], letter?.reportId);
  assert.match(report["report-id"], /^2026-01-01\.[0-9a-f]{16}@mx\.our\.example$/u);
  assert.deepEqual(report["date-range"], {
    "start-datetime": "2026-01-01T00:00:00Z",
    "end-datetime": "2026-01-01T23:59:59Z",
  });
  assert.deepEqual(
    report.policies.map(({ summary }) => summary),
    [{ "total-successful-session-count": 6, "total-failure-session-count": 3 }],
  );
  const [posted] = scene.posts;
  assert.deepEqual(
    [posted?.url, posted?.type],
    ["https://far.example/tls", "application/tlsrpt+gzip"],
  );
  assert.deepEqual(read(posted?.body), report);
  await scene.pass(10 * DAY_MS);
  assert.equal(scene.letters.length + scene.posts.length, 2);
  assert.deepEqual(await scene.files(), []);
  assert.equal(
    scene.said,
    "TLS report about far.example of 2026-01-01: sent to mailto:r@far.example\n" +
      "TLS report about far.example of 2026-01-01: sent to https://far.example/tls",
  );
});

test("reports of one day do not leave at one moment", async () => {
  const domains = Array.from({ length: 20 }, (_, at) => `d${at}.example`);
  const scene = await Scene.start(
    Object.fromEntries(domains.map((domain) => [domain, "v=TLSRPTv1; rua=mailto:r@far.example"])),
  );
  scene.days.count(domains.map((domain) => session(domain, 1)));
  await scene.pass(DAY_MS);
  const seen = new Set<number>();
  for (let hour = 0; hour < 8; hour++) {
    await scene.pass(HOUR_MS / 2);
    seen.add(scene.letters.length);
  }
  assert.equal(scene.letters.length, domains.length);
  assert.ok(seen.size >= 5, `they left in ${seen.size} of 8 half hours`);
});

test("of a domain that wants no reports nothing is kept", async () => {
  const scene = await Scene.start();
  scene.days.count([session("other.example", 1)]);
  await scene.pass(WRITE_MS * 2);
  scene.days.count([session("other.example", 1)]);
  await scene.pass(WRITE_MS * 2);
  assert.deepEqual(await scene.files(), []);
  await scene.pass(2 * DAY_MS);
  assert.equal(scene.letters.length, 0);
});

test("what was counted outlives a restart, and goes on", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 4)]);
  await scene.pass(WRITE_MS);
  assert.equal((await scene.files()).length, 1, "on disk before it is asked to stop");
  await scene.restart();
  scene.days.count([session("far.example", 2)]);
  await scene.pass(DAY_MS + SPREAD_MS);
  assert.deepEqual(
    scene.letters.map(({ gzip }) => read(gzip).policies[0]?.summary),
    [{ "total-successful-session-count": 6, "total-failure-session-count": 0 }],
  );
});

test("a daemon that was not there when reports were due sends them soon after it is", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 4)]);
  await scene.pass(0);
  await scene.world.clock.runUntilSettled(scene.days.stop(), 1000);
  await scene.pass(DAY_MS + 5 * HOUR_MS);
  assert.equal(scene.letters.length, 0);
  await scene.restart();
  await scene.pass(HOUR_MS / 2);
  assert.equal(scene.letters.length, 1);
});

test("a file that is torn is no report, and keeps nobody from starting", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 4)]);
  await scene.pass(0);
  await scene.world.clock.runUntilSettled(scene.days.stop(), 1000);
  const files = scene.world.disk.files();
  const [name = ""] = await scene.files();
  await scene.world.clock.runUntilSettled(
    (async () => {
      const file = await files.open(`${FOLDER}/${name}`, "read");
      const bytes = await file.read(0, 1_000_000);
      await file.close();
      await files.unlink(`${FOLDER}/${name}`);
      const torn = await files.open(`${FOLDER}/${name}`, "create", 0o600);
      await torn.write([bytes.subarray(0, bytes.length - 3)], 0);
      await torn.close();
    })(),
    1000,
  );
  await scene.restart();
  await scene.pass(3 * DAY_MS);
  assert.equal(scene.letters.length, 0);
  assert.deepEqual(await scene.files(), []);
});

test("who could not be told is tried again for a day, and nobody is told twice", async () => {
  const scene = await Scene.start();
  scene.answer = { kind: "fault", why: "answers 503" };
  scene.days.count([session("far.example", 1)]);
  await scene.pass(DAY_MS + SPREAD_MS + 3 * RETRY_MS);
  assert.equal(scene.letters.length, 1);
  assert.ok(scene.posts.length >= 4, `${scene.posts.length} tries`);
  await scene.restart();
  await scene.pass(3 * DAY_MS);
  assert.equal(scene.letters.length, 1);
  assert.ok(scene.posts.length < 32, `${scene.posts.length} tries`);
  assert.match(scene.said, /not sent to https:\/\/far\.example\/tls: answers 503/u);
  assert.match(scene.said, /far\.example of 2026-01-01 is given up/u);
  assert.deepEqual(await scene.files(), []);
});

test("while the queue takes no mail a report waits; one that it refuses is let go of", async () => {
  const scene = await Scene.start({ "far.example": "v=TLSRPTv1; rua=mailto:r@far.example" });
  scene.outcome = "later";
  scene.days.count([session("far.example", 1)]);
  await scene.pass(DAY_MS + SPREAD_MS + RETRY_MS);
  const tries = scene.letters.length;
  assert.ok(tries > 1);
  assert.equal(new Set(scene.letters.map(({ reportId }) => reportId)).size, 1);
  scene.outcome = "refused";
  await scene.pass(5 * DAY_MS);
  assert.equal(scene.letters.length, tries + 1);
});

test("an operator need not wait for the night; what comes after is another report", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 1)]);
  await scene.pass(HOUR_MS);
  scene.days.sendNow();
  await scene.pass(1000);
  assert.equal(read(scene.letters[0]?.gzip)["date-range"]["end-datetime"], "2026-01-01T00:59:59Z");
  scene.days.sendNow();
  await scene.pass(1000);
  assert.equal(scene.letters.length, 1);
  scene.days.count([session("far.example", 1)]);
  await scene.pass(2 * DAY_MS);
  assert.equal(scene.letters.length, 2);
  assert.notEqual(scene.letters[0]?.reportId, scene.letters[1]?.reportId);
});

test("a configuration without reports counts nothing and sends nothing", async () => {
  const scene = await Scene.start();
  scene.days.count([session("far.example", 1)]);
  await scene.pass(WRITE_MS * 2);
  scene.days.takeUp(undefined);
  scene.days.count([session("far.example", 1)]);
  await scene.pass(3 * DAY_MS);
  assert.equal(scene.letters.length, 0);
  assert.deepEqual(await scene.files(), []);
});

test("many domains together cannot have a stranger flooded with their reports", async () => {
  const domains = Array.from({ length: MAX_A_DAY + 20 }, (_, at) => `d${at}.example`);
  const record = "v=TLSRPTv1; rua=mailto:someone@Victim.example,https://www.victim.example/a";
  const scene = await Scene.start(Object.fromEntries(domains.map((each) => [each, record])));
  scene.answer = { kind: "fault", why: "answers 404" };
  scene.days.count([...domains, "far.example"].map((domain) => session(domain, 1)));
  await scene.pass(DAY_MS + SPREAD_MS);
  assert.equal(scene.letters.length, MAX_A_DAY);
  assert.ok(scene.posts.length <= 2 * MAX_A_DAY);
  await scene.pass(3 * DAY_MS);
  assert.equal(scene.letters.length, MAX_A_DAY);
  assert.ok(scene.posts.length <= 3 * MAX_A_DAY);
  assert.match(
    scene.said,
    /not sent to mailto:someone@victim\.example: victim\.example has had 1000/u,
  );
  assert.deepEqual(await scene.files(), []);
});

test("whatever strangers do, a day has a bound, and its report one that the queue takes", async () => {
  const scene = await Scene.start();
  for (let at = 0; at < 2 * MAX_POLICIES; at++) {
    const strings = Array.from({ length: 16 }, (_, line) => `${at} ${line} ${noise(at, line)}`);
    for (let kind = 0; kind < 2 * MAX_FAILURE_KINDS; kind++) {
      const mxHost = `mx${kind}.${noise(kind, at).slice(0, 200)}.example`;
      scene.days.count([session("far.example", 1, { ...FAILURE, mxHost }, strings)]);
    }
  }
  for (let at = 0; at < MAX_DOMAINS + 10; at++) scene.days.count([session(`d${at}.example`, 1)]);
  await scene.pass(DAY_MS + SPREAD_MS);
  const [letter] = scene.letters;
  assert.ok(letter && letter.gzip.length <= MAX_REPORT_BYTES);
  const { policies } = read(letter.gzip);
  assert.equal(policies.length, MAX_POLICIES);
  for (const { summary, "failure-details": details = [] } of policies) {
    assert.equal(summary["total-failure-session-count"], 2 * MAX_FAILURE_KINDS);
    assert.ok(details.length <= MAX_FAILURE_KINDS);
  }
});

test("many domains that have much to tell of do not fill the memory", async () => {
  const domains = Array.from({ length: 600 }, (_, at) => `d${at}.example`);
  const record = "v=TLSRPTv1; rua=mailto:r@far.example";
  const scene = await Scene.start(Object.fromEntries(domains.map((each) => [each, record])));
  for (const domain of domains)
    for (let at = 0; at < MAX_POLICIES; at++)
      scene.days.count([session(domain, 1, FAILURE, lines(at))]);
  scene.days.count([session("d0.example", 6, FAILURE, lines(0))]);
  await scene.pass(DAY_MS + SPREAD_MS);
  const reports = scene.letters.map(({ gzip }) => read(gzip));
  const policies = reports.reduce((sum, report) => sum + report.policies.length, 0);
  assert.ok(
    2 * policies * JSON.stringify(lines(0)).length < MAX_KEPT_BYTES,
    `${policies} policies`,
  );
  assert.ok(policies > 0 && reports.every((report) => report.policies.length > 0));
  const sums = reports.flatMap((report) => report.policies.map(({ summary }) => summary));
  assert.ok(sums.some((summary) => summary["total-failure-session-count"] === 7));
  // There is room again.
  scene.days.count([session("d599.example", 1)]);
  await scene.pass(DAY_MS + SPREAD_MS);
  assert.equal(scene.letters.length, reports.length + 1);
});

function lines(policy: number): readonly string[] {
  return Array.from({ length: 16 }, (_, line) => `${policy} ${line} `.padEnd(500, "x"));
}

/** Text that does not compress. */
function noise(a: number, b: number): string {
  let state = a * 65_537 + b + 1;
  return Array.from({ length: 480 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state % 36).toString(36);
  }).join("");
}
