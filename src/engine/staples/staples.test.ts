import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "#base/ports/files.ts";
import type { HttpAnswer, HttpQuestion } from "#base/ports/http.ts";
import type { Staple } from "#model/staple.ts";
import { staplings } from "#policy/tls/staple-plan.ts";
import { nodeSignatures } from "#world/node/signatures.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { SimRandom } from "#world/sim/random.ts";
import { certify, type Certified } from "#test/support/certificates.ts";
import { configOf } from "#test/support/config-of.ts";
import {
  MUST_STAPLE,
  ocspRefusal,
  ocspResponse,
  parsed,
  type ResponseRequest,
  responderAt,
} from "#test/support/ocsp-responses.ts";
import { MIN_REFRESH_MS } from "./stapler.ts";
import { Staples } from "./staples.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const URL_OF_RESPONDER = "http://ocsp.example/";

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const MX = issued("mx");
const NEW_MX = issued("mx");
const MUST = issued("must", MUST_STAPLE);

function issued(subject: string, ...extensions: readonly Buffer[]): Certified {
  const all = [responderAt(URL_OF_RESPONDER), ...extensions];
  const made = certify({ subject, issuer: AUTHORITY, extensions: all });
  return { ...made, certificate: made.certificate + AUTHORITY.certificate };
}

/** One certificate and its responder, on virtual time. */
class Stage {
  readonly clock = new SimClock();
  readonly files: Files = new SimDisk(this.clock, new SimRandom(1)).files();
  readonly asked: HttpQuestion[] = [];
  readonly log: string[] = [];
  readonly told: Staple[] = [];
  answer: (about: Certified) => HttpAnswer = (about) => this.response(about, {});
  staples = this.#made();

  #made(): Staples {
    return new Staples(
      {
        clock: this.clock,
        files: this.files,
        http: {
          get: async () => ({ kind: "fault", why: "nobody" }),
          post: async (question) => {
            this.asked.push(question);
            return this.answer(this.about);
          },
        },
        signatures: nodeSignatures(),
        observe: (event) => {
          if ("text" in event) this.log.push(event.text);
        },
        folder: "/ocsp",
      },
      (staple) => this.told.push(staple),
    );
  }

  about: Certified = MX;

  response(about: Certified, how: Partial<ResponseRequest>): HttpAnswer {
    const nowMs = this.clock.wallMs();
    const body = ocspResponse({
      certificate: parsed(about),
      issuer: parsed(AUTHORITY),
      signer: AUTHORITY,
      thisUpdateMs: nowMs,
      nextUpdateMs: nowMs + 8 * HOUR_MS,
      ...how,
    });
    return { kind: "answer", body };
  }

  async takeUp(certified: Certified = this.about, option = ""): Promise<void> {
    this.about = certified;
    const config = configOf(
      `pki mx.example cert "/mx.crt" key "/mx.key" ${option}`,
      "listen on 127.0.0.1 tls pki mx.example",
      "match from any for any reject",
    );
    const { certificate } = certified;
    this.staples.takeUp(staplings(config, [{ name: "mx.example", certificate }]));
    await this.clock.settle();
  }

  /** As when the process was started anew. */
  async restart(): Promise<void> {
    this.staples.stop();
    this.staples = this.#made();
    await this.takeUp();
  }

  get shown(): string {
    const [staple] = this.staples.current;
    if (staple === undefined) return "nothing";
    return `for ${(staple.untilMs - this.clock.wallMs()) / HOUR_MS} h`;
  }
}

async function staged(): Promise<Stage> {
  const stage = new Stage();
  await stage.files.makeFolder("/ocsp", 0o700);
  return stage;
}

test("a response is fetched, and again when half of its life is over", async () => {
  const stage = await staged();
  await stage.takeUp();
  assert.equal(stage.shown, "for 8 h");
  assert.equal(stage.asked[0]?.url, URL_OF_RESPONDER);
  await stage.clock.advance(4 * HOUR_MS - 1);
  assert.equal(stage.asked.length, 1);
  await stage.clock.advance(1);
  assert.equal(stage.asked.length, 2);
  assert.equal(stage.shown, "for 8 h");
  assert.equal(stage.told.length, 2);
});

test("a responder that repeats itself is asked less and less than it could be, never in a row", async () => {
  const stage = await staged();
  const same = stage.response(MX, {});
  stage.answer = () => same;
  await stage.takeUp();
  await stage.clock.advance(8 * HOUR_MS - 1);
  assert.ok(stage.asked.length < 15, String(stage.asked.length));
});

for (const [name, answer] of [
  ["is down", { kind: "fault", why: "connect ECONNREFUSED" }],
  ["is slow", { kind: "fault", why: "no answer in time" }],
  ["sends a page", { kind: "answer", body: Buffer.from("<html>") }],
  ["asks to be asked later", { kind: "answer", body: ocspRefusal(3) }],
] as const)
  test(`a responder that ${name} takes nothing away before the response's end, and is asked less often`, async () => {
    const stage = await staged();
    await stage.takeUp();
    stage.answer = () => answer;
    await stage.clock.advance(8 * HOUR_MS - 1);
    assert.notEqual(stage.shown, "nothing");
    assert.ok(stage.asked.length < 15, String(stage.asked.length));
    assert.equal(stage.log.length, 2);
    assert.match(stage.log[1] ?? "", /\(the last good response is still shown\)$/u);
    await stage.clock.advance(MIN_REFRESH_MS);
    assert.equal(stage.shown, "nothing");
    assert.equal(stage.told.at(-1)?.response.length, 0);
    assert.match(stage.log.at(-1) ?? "", /too old.*handshakes go on without/u);
    stage.answer = (about) => stage.response(about, {});
    await stage.clock.advance(HOUR_MS);
    assert.notEqual(stage.shown, "nothing");
  });

test("a certificate that is revoked is loud, not stapled, and not kept", async () => {
  const stage = await staged();
  await stage.takeUp();
  stage.answer = (about) => stage.response(about, { status: "revoked" });
  await stage.clock.advance(4 * HOUR_MS);
  assert.equal(stage.shown, "nothing");
  assert.match(
    stage.log.at(-1) ?? "",
    /^ocsp of pki mx.example: THE CERTIFICATE IS REVOKED, since 2026/u,
  );
  assert.deepEqual(await stage.files.list("/ocsp"), []);
});

test("without a response for one that must be stapled the log says what follows", async () => {
  const stage = await staged();
  stage.answer = () => ({ kind: "fault", why: "connect ECONNREFUSED" });
  await stage.takeUp(MUST);
  assert.deepEqual(stage.log, [
    "ocsp of pki mx.example: ocsp.example: connect ECONNREFUSED (clients that look will refuse the certificate, which must be stapled)",
  ]);
});

test("after a restart what the disk has is shown, and nobody is asked before it is time", async () => {
  const stage = await staged();
  await stage.takeUp();
  await stage.clock.advance(2 * HOUR_MS);
  await stage.restart();
  assert.equal(stage.shown, "for 6 h");
  assert.equal(stage.asked.length, 1);
  await stage.clock.advance(3 * HOUR_MS);
  assert.equal(stage.asked.length, 2);
});

test("what the disk has is believed only if it is good", async () => {
  const stage = await staged();
  await stage.takeUp();
  stage.answer = () => ({ kind: "fault", why: "down" });
  await stage.clock.advance(3 * HOUR_MS);
  stage.clock.jumpWall(DAY_MS);
  await stage.restart();
  assert.equal(stage.shown, "nothing");
});

test("a new certificate is never shown with the response for the old one, whose file goes", async () => {
  const stage = await staged();
  await stage.takeUp(MX);
  const [old = ""] = await stage.files.list("/ocsp");
  await stage.takeUp(NEW_MX);
  assert.equal(stage.staples.current.length, 1);
  assert.notEqual(stage.staples.current[0]?.fingerprint, stage.told[0]?.fingerprint);
  assert.ok(
    stage.told.some(
      ({ response, fingerprint }) => response.length === 0 && old.startsWith(fingerprint),
    ),
  );
  const kept = await stage.files.list("/ocsp");
  assert.equal(kept.length, 1);
  assert.ok(!kept.includes(old));
});

test("a configuration with the same certificate asks nobody", async () => {
  const stage = await staged();
  await stage.takeUp();
  await stage.takeUp();
  assert.equal(stage.asked.length, 1);
});

test("with ocsp off, and for one without its issuer, nobody is asked", async () => {
  const stage = await staged();
  await stage.takeUp(MX, "ocsp off");
  const [alone = ""] = MX.certificate.split(/(?<=-----END CERTIFICATE-----\n)/u);
  await stage.takeUp({ ...MX, certificate: alone });
  assert.equal(stage.asked.length, 0);
  assert.deepEqual(stage.log, [
    "pki mx.example is not stapled: the certificate of its issuer is not in the file",
  ]);
});

test("a file is shown while it is good, and read again when it changes", async () => {
  const stage = await staged();
  const write = async (answer: HttpAnswer): Promise<void> => {
    assert.equal(answer.kind, "answer");
    const file = await stage.files.open("/new.der", "create");
    await file.write([answer.kind === "answer" ? answer.body : Buffer.alloc(0)], 0);
    await file.close();
    await stage.files.rename("/new.der", "/mx.der");
  };
  await stage.takeUp(MX, 'ocsp "/mx.der"');
  assert.equal(stage.shown, "nothing");
  assert.match(stage.log[0] ?? "", /no such file/iu);
  await write(stage.response(MX, {}));
  await stage.clock.advance(MINUTE_MS);
  assert.match(stage.shown, /^for 7\.9/u);
  await stage.clock.advance(HOUR_MS);
  await write(stage.response(NEW_MX, {}));
  await stage.clock.advance(MINUTE_MS);
  assert.match(stage.shown, /^for 6\.9/u);
  assert.match(stage.log.at(-1) ?? "", /about another certificate/u);
  await write(stage.response(MX, { status: "revoked" }));
  await stage.clock.advance(MINUTE_MS);
  assert.equal(stage.shown, "nothing");
  assert.equal(stage.asked.length, 0);
});
