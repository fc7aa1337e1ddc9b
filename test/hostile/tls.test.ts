/**
 * STARTTLS and the handshake, attacked: over the simulated network with make-believe
 * TLS, which changes the same states as the real one (test/interop/tls.test.ts has that).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import type { TlsOffer } from "#base/ports/tls.ts";
import { SimTls } from "#world/sim/tls.ts";
import { DEFAULT_LIMITS, PATIENT, PRESSED, type SessionLimits } from "#engine/server/limits.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { HostileClient } from "./client.ts";
import { Scene } from "./scene.ts";

const OFFER: TlsOffer = {
  versions: ["TLSv1.3"],
  ciphers: "",
  suites: "TLS_AES_256_GCM_SHA384",
  groups: "x25519",
  dhe: "none",
};
const HELO = "EHLO client.test\r\n";
const EVIL = "MAIL FROM:<evil@smuggle.test>\r\n";

function sceneWith(option: string, limits?: Partial<SessionLimits>): Promise<Scene> {
  return Scene.start(1, {
    lines: [
      'pki mx.example.test cert "/mx.crt" key "/mx.key"',
      `listen on 192.0.2.1 ${option} pki mx.example.test`,
      'action "deliver" maildir "/mail" user "mail"',
      'match from any for domain "example.test" action "deliver"',
    ],
    limits: { ...DEFAULT_LIMITS, ...limits },
    tls: (world) => tlsServer(new SimTls(world.clock), { certificate: "names=mx.example.test" }),
  });
}

/** A client that has said `wire` in the clear and heard `replies`. */
async function clear(
  scene: Scene,
  wire: string,
): Promise<{ connection: Connection; client: HostileClient; replies: readonly string[] }> {
  const connection = await scene.connection();
  const client = new HostileClient(connection, scene.world.clock);
  await scene.run(client.before("banner"));
  await scene.run(client.write(wire));
  return { connection, client, replies: await replies(scene, client) };
}

async function replies(scene: Scene, client: HostileClient): Promise<readonly string[]> {
  const heard: string[] = [];
  for (;;) {
    const reply = await scene.run(client.reply(100));
    if (reply === undefined) return heard;
    heard.push(reply);
  }
}

/** Shakes hands on `connection`; the client that goes on in secret. */
async function secured(scene: Scene, connection: Connection): Promise<HostileClient> {
  const { clock } = scene.world;
  const options = { offer: OFFER, authorities: "system", identity: undefined } as const;
  const end = new SimTls(clock).client(options);
  assert.ok("connect" in end, "settings are usable");
  const result = await scene.run(
    end.connect(connection, {
      serverName: "mx.example.test",
      timeoutMs: 1000,
      resumeAs: undefined,
    }),
  );
  assert.equal(result.kind, "secured");
  return new HostileClient(result.kind === "secured" ? result.connection : connection, clock);
}

test("TLS-01: what comes with STARTTLS in one piece is an error, and the end", async () => {
  const scene = await sceneWith("tls");
  const { client, replies: heard } = await clear(scene, `${HELO}STARTTLS\r\nRSET\r\n${EVIL}`);
  assert.match(heard.at(-1) ?? "", /^501 5\.5\.1 /);
  await scene.world.clock.advance(1000);
  assert.deepEqual([heard.length, client.isClosed, scene.server.sessionCount], [2, true, 0]);
});

for (const [id, wire] of [
  ["TLS-02", `${HELO}\x16\x03\x01`],
  ["TLS-05", EVIL],
  ["TLS-05", "\0\0\0\0"],
] as const) {
  test(`${id}: ${JSON.stringify(wire)} in the place of a handshake ends the session`, async () => {
    const scene = await sceneWith("tls");
    const { client, replies: heard } = await clear(scene, `${HELO}STARTTLS\r\n`);
    assert.match(heard.at(-1) ?? "", /^220 2\.0\.0 /);
    await scene.run(client.write(wire));
    assert.deepEqual(await replies(scene, client), []);
    await scene.world.clock.advance(1000);
    assert.deepEqual(
      [client.isClosed, scene.server.sessionCount, scene.stored.length],
      [true, 0, 0],
    );
    assert.ok(
      scene.log.some((line) => line.includes("tls-accept-failed")),
      "the log says so",
    );
  });
}

test("TLS-03: after the handshake nothing is known of what was said before", async () => {
  const scene = await sceneWith("tls");
  const { connection } = await clear(scene, `${HELO}STARTTLS\r\n`);
  const client = await secured(scene, connection);
  await scene.run(client.write(`${EVIL}RCPT TO:<rcpt@example.test>\r\n${HELO}STARTTLS\r\n`));
  const heard = await replies(scene, client);
  assert.deepEqual(
    heard.map((reply) => reply.slice(0, 3)),
    ["503", "503", "250", "503"],
  );
  assert.doesNotMatch(heard[2] ?? "", /STARTTLS/);
});

test("TLS-03: there is no STARTTLS in a transaction", async () => {
  const scene = await sceneWith("tls");
  const { replies: heard } = await clear(scene, `${HELO}${EVIL}STARTTLS\r\n`);
  assert.match(heard.at(-1) ?? "", /^503 /);
});

test("TLS-06: five hundred handshakes that never come end after a minute, and nobody waits for them", async () => {
  const scene = await sceneWith("tls");
  const { clock } = scene.world;
  for (let n = 0; n < 500; n++) {
    const client = await scene.client(`198.51.${n % 100}.7`);
    await scene.run(client.before("banner"));
    await scene.run(client.write(`${HELO}STARTTLS\r\n`));
    await scene.world.clock.advance(10);
    await scene.run(client.write("\x16"));
  }
  assert.match(await scene.sendsMail(), /^250 /);
  await clock.advance(100);
  assert.equal(scene.server.sessionCount, 500);
  await clock.advance(PATIENT.handshakeMs);
  assert.equal(scene.server.sessionCount, 0);
  assert.ok(
    scene.log.some((line) => line.endsWith("limit=handshake-time")),
    "the limit has a name",
  );
});

test("TLS-06: under stress a handshake has ten seconds", async () => {
  const scene = await sceneWith("tls", { maxSessions: 10, reservedSessions: 0 });
  for (let n = 0; n < 10; n++) {
    const client = await scene.client(`198.51.${n}.7`);
    await scene.run(client.before("banner"));
    await scene.run(client.write(`${HELO}STARTTLS\r\n`));
  }
  // Those that began before the stress have their minute: the first seven.
  await scene.world.clock.advance(PRESSED.handshakeMs);
  assert.equal(scene.server.sessionCount, 7);
  await scene.world.clock.advance(PATIENT.handshakeMs - PRESSED.handshakeMs);
  assert.equal(scene.server.sessionCount, 0);
});

test("TLS-07: where TLS is required there is no mail without, and nobody logs in in the clear", async () => {
  const scene = await sceneWith("tls-require");
  const wire = `${HELO}${EVIL}AUTH PLAIN AGEAYg==\r\n`;
  const { replies: heard } = await clear(scene, wire);
  assert.doesNotMatch(heard[0] ?? "", /AUTH/);
  assert.match(heard[0] ?? "", /^250[- ]STARTTLS$/m);
  assert.match(heard[1] ?? "", /^530 /);
  assert.match(heard[2] ?? "", /^5/);
});

test("TLS-11: a text that is cut off in secret is not kept", async () => {
  for (const how of ["reset", "closed"] as const) {
    const scene = await sceneWith("tls");
    const { connection } = await clear(scene, `${HELO}STARTTLS\r\n`);
    const client = await secured(scene, connection);
    const toData = "MAIL FROM:<a@example.test>\r\nRCPT TO:<rcpt@example.test>\r\nDATA\r\n";
    await scene.run(client.write(`${HELO}${toData}Subject: x\r\n\r\nhalf\r\n`));
    assert.match((await replies(scene, client)).at(-1) ?? "", /^354 /);
    if (how === "reset") scene.world.network.resetAll();
    else client.leave();
    await scene.world.clock.advance(1000);
    assert.deepEqual([scene.server.sessionCount, scene.stored.length], [0, 0], how);
  }
});
