import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpAnswer, HttpRequest } from "#base/ports/http.ts";
import type { Event } from "#model/events.ts";
import { SimWorld } from "#world/sim/world.ts";
import { StsCache } from "./sts-cache.ts";
import { STS_RETRY_MS, StsPolicies } from "./sts-policies.ts";

const DAY_MS = 86_400_000;
const FOLDER = "/cache";
const RECORD = "_mta-sts.far.example";
const URL = "https://mta-sts.far.example/.well-known/mta-sts.txt";

function policyText(host: string, days = 7, mode = "enforce"): string {
  const hosts = host === "" ? "" : `mx: ${host}\n`;
  return `version: STSv1\nmode: ${mode}\n${hosts}max_age: ${days * 86_400}\n`;
}

class Scene {
  readonly world = new SimWorld(1);
  readonly asked: HttpRequest[] = [];
  readonly events: Event[] = [];
  readonly failures: string[] = [];
  /** What the server of policies answers; undefined: it is not there. */
  served: string | HttpAnswer | undefined = policyText("mx.far.example");
  policies: StsPolicies;

  constructor() {
    this.policies = this.#policies();
    this.world.resolver.setTexts(RECORD, ["v=STSv1; id=1"]);
  }

  static async start(): Promise<Scene> {
    const scene = new Scene();
    await scene.#settled(scene.world.disk.files().makeFolder(FOLDER, 0o700));
    return scene;
  }

  #policies(): StsPolicies {
    const { clock, resolver, disk } = this.world;
    const get = async (request: HttpRequest): Promise<HttpAnswer> => {
      this.asked.push(request);
      if (this.served === undefined) return { kind: "fault", why: "ECONNREFUSED" };
      if (typeof this.served !== "string") return this.served;
      return { kind: "answer", body: Buffer.from(this.served) };
    };
    return new StsPolicies({
      clock,
      resolver,
      http: { get, post: () => assert.fail("nothing is posted") },
      cache: new StsCache(disk.files(), FOLDER),
      observe: (event) => this.events.push(event),
      failed: (domain, type) => this.failures.push(`${domain} ${type}`),
    });
  }

  async restart(): Promise<void> {
    this.policies = this.#policies();
    await this.#settled(this.policies.load());
  }

  #settled<Value>(work: Promise<Value>): Promise<Value> {
    return this.world.clock.runUntilSettled(work, 60_000);
  }

  /** The first host of the policy, its mode if it has none, and "none" if there is no policy. */
  async host(domain = "far.example"): Promise<string> {
    const policy = await this.#settled(this.policies.policyOf(domain));
    return policy === undefined ? "none" : (policy.hosts[0] ?? policy.mode);
  }
}

test("a policy is fetched once, from where the standard says, and bounded", async () => {
  const scene = await Scene.start();
  const both = await Promise.all([scene.host(), scene.host("FAR.example")]);
  assert.deepEqual(both, ["mx.far.example", "mx.far.example"]);
  assert.equal(await scene.host(), "mx.far.example");
  assert.deepEqual(scene.asked, [{ url: URL, timeoutMs: 8000, maxBytes: 65_536 }]);
});

test("a domain without a record has no policy, and nobody is asked", async () => {
  const scene = await Scene.start();
  assert.equal(await scene.host("other.example"), "none");
  scene.world.resolver.setTexts("_mta-sts.odd.example", ["v=STSv1; id=1", "v=STSv1; id=2"]);
  assert.equal(await scene.host("odd.example"), "none");
  assert.equal(await scene.host("[192.0.2.1]"), "none");
  assert.deepEqual(scene.asked, []);
});

test("another id fetches the newer policy", async () => {
  const scene = await Scene.start();
  await scene.host();
  scene.served = policyText("mx2.far.example");
  assert.equal(await scene.host(), "mx.far.example");
  scene.world.resolver.setTexts(RECORD, ["v=STSv1; id=2"]);
  assert.equal(await scene.host(), "mx2.far.example");
});

test("a policy that takes itself back does so", async () => {
  const scene = await Scene.start();
  await scene.host();
  scene.served = policyText("", 1, "none");
  scene.world.resolver.setTexts(RECORD, ["v=STSv1; id=2"]);
  assert.equal(await scene.host(), "none");
});

for (const [what, lose] of [
  ["a record that is gone", (scene) => scene.world.resolver.setTexts(RECORD, [])],
  ["a DNS that fails", (scene) => scene.world.resolver.setServers(RECORD, "failing")],
  [
    "a server that is gone",
    (scene) => {
      scene.served = undefined;
      scene.world.resolver.setTexts(RECORD, ["v=STSv1; id=2"]);
    },
  ],
  [
    "a newer policy that cannot be read",
    (scene) => {
      scene.served = "<html>";
      scene.world.resolver.setTexts(RECORD, ["v=STSv1; id=2"]);
    },
  ],
] as readonly (readonly [string, (scene: Scene) => void])[])
  test(`${what} takes no policy back before its end`, async () => {
    const scene = await Scene.start();
    await scene.host();
    lose(scene);
    await scene.world.clock.advance(6 * DAY_MS);
    assert.equal(await scene.host(), "mx.far.example");
    await scene.world.clock.advance(DAY_MS);
    assert.equal(await scene.host(), "none");
  });

test("a server that failed is not asked again for a while, and told of once", async () => {
  const scene = await Scene.start();
  scene.served = undefined;
  assert.equal(await scene.host(), "none");
  scene.served = policyText("mx.far.example");
  assert.equal(await scene.host(), "none");
  assert.equal(scene.asked.length, 1);
  const text = "policy of MTA-STS of far.example: ECONNREFUSED";
  assert.deepEqual(scene.events, [{ kind: "warning", text }]);
  await scene.world.clock.advance(STS_RETRY_MS);
  assert.equal(await scene.host(), "mx.far.example");
});

test("a policy that could not be had is told of, by what was wrong with it", async () => {
  const wrong = ["", { kind: "untrusted", why: "CERT_HAS_EXPIRED" }, undefined] as const;
  const scene = await Scene.start();
  for (const served of wrong) {
    scene.served = served;
    assert.equal(await scene.host(), "none");
    await scene.world.clock.advance(STS_RETRY_MS);
  }
  assert.deepEqual(scene.failures, [
    "far.example sts-policy-invalid",
    "far.example sts-webpki-invalid",
    "far.example sts-policy-fetch-error",
  ]);
});

test("a policy is fetched anew each day, while the old one holds", async () => {
  const scene = await Scene.start();
  await scene.host();
  await scene.world.clock.advance(DAY_MS);
  scene.served = policyText("mx2.far.example");
  assert.equal(await scene.host(), "mx.far.example", "nobody waits for it");
  await scene.world.clock.advance(1);
  assert.equal(await scene.host(), "mx2.far.example");
  assert.equal(scene.asked.length, 2);
});

test("a restart takes no policy back, and its age goes on", async () => {
  const scene = await Scene.start();
  await scene.host();
  await scene.restart();
  scene.world.resolver.setTexts(RECORD, []);
  assert.equal(await scene.host(), "mx.far.example");
  await scene.world.clock.advance(7 * DAY_MS);
  await scene.restart();
  assert.equal(await scene.host(), "none");
  assert.deepEqual(await scene.world.disk.files().list(FOLDER), [], "and no file is left");
});

test("files that were changed, or are of another domain, are not believed", async () => {
  const scene = await Scene.start();
  await scene.host();
  const files = scene.world.disk.files();
  const [name = ""] = await files.list(FOLDER);
  await files.rename(`${FOLDER}/${name}`, `${FOLDER}/${"0".repeat(64)}.sts`);
  scene.world.resolver.setTexts(RECORD, []);
  await scene.restart();
  assert.equal(await scene.host(), "none");
});
