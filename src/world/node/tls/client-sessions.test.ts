import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { test, type TestContext } from "node:test";
import type { SecuredByClient, TlsClient, TlsFacts, TlsFault, TlsPeer } from "#base/ports/tls.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { certify } from "#test/support/certificates.ts";
import { ClientSessions, type KeptSession } from "./client-sessions.ts";
import { nodeTls } from "./tls.ts";

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const SERVER = certify({ subject: "mx", dns: ["mx.example.org"], issuer: AUTHORITY });
const OTHER = certify({ subject: "mx", dns: ["mx.example.org"], issuer: AUTHORITY });

function clientEnd(): TlsClient {
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: AUTHORITY.certificate },
    identity: undefined,
  });
  assert.ok("connect" in end, "settings are usable");
  return end;
}

type Behaviour = "usual" | "stumbles over sessions";

/** A server of the library's own, which greets; its port. */
async function serve(
  t: TestContext,
  options: tls.TlsOptions = {},
  behaviour: Behaviour = "usual",
): Promise<{ readonly port: number; readonly server: tls.Server }> {
  const { certificate: cert, key } = SERVER;
  const server = tls.createServer({ cert, key, ticketKeys: Buffer.alloc(48, 1), ...options });
  let handshakes = 0;
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    socket.write("220 hello\r\n");
  });
  // Those after the first come with a session.
  if (behaviour === "stumbles over sessions")
    server.prependListener("connection", (socket: net.Socket) => {
      if (++handshakes === 2) socket.destroy();
    });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, server };
}

interface Asked {
  readonly port: number;
  readonly serverName?: string;
  readonly resumeAs?: string | undefined;
  /** The server will do; it does if left out. */
  readonly approves?: boolean;
}

async function connect(
  end: TlsClient,
  { port, serverName = "mx.example.org", resumeAs, approves = true }: Asked,
): Promise<TlsFacts | TlsFault> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const asked = { serverName, timeoutMs: 5000, resumeAs };
  const secured: SecuredByClient | TlsFault = await end.connect(wrapSocket(socket), asked);
  if (secured.kind === "tls-fault") return secured;
  if (approves) secured.approve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler = new RecordingHandler();
  // Tickets come ahead of the greeting.
  secured.connection.start(Object.assign(handler, { data: () => resolve() }));
  await promise;
  secured.connection.destroy();
  return secured.facts;
}

function facts(outcome: TlsFacts | TlsFault): TlsFacts {
  assert.ok(!("kind" in outcome), "kind" in outcome ? outcome.message : "");
  return outcome;
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`client takes a session of ${version} up again, with what it knows of the server`, async (t) => {
    const { port } = await serve(t, { maxVersion: version });
    const end = clientEnd();
    const first = facts(await connect(end, { port, resumeAs: "route" }));
    assert.deepEqual([first.version, first.resumed, first.peer?.verified], [version, false, true]);
    for (let n = 0; n < 2; n++) {
      const again = facts(await connect(end, { port, resumeAs: "route" }));
      assert.equal(again.resumed, true);
      assert.deepEqual({ ...again.peer, chain: [] }, { ...first.peer, chain: [] });
    }
  });
}

test("client is as wary of a server whose session it takes up again as it was at first", async (t) => {
  const { port } = await serve(t);
  const end = clientEnd();
  const asked = { port, resumeAs: "route", serverName: "other.example.org" };
  for (const resumed of [false, true]) {
    const { peer, ...rest } = facts(await connect(end, asked));
    assert.deepEqual(
      [rest.resumed, peer?.verified, peer?.why],
      [resumed, false, "ERR_TLS_CERT_ALTNAME_INVALID"],
    );
  }
});

test("client takes up again no session of another word, nor without one", async (t) => {
  const { port } = await serve(t);
  const end = clientEnd();
  await connect(end, { port, resumeAs: "route" });
  for (const resumeAs of ["other route", undefined])
    assert.equal(facts(await connect(end, { port, resumeAs })).resumed, false);
  assert.equal(facts(await connect(clientEnd(), { port, resumeAs: "route" })).resumed, false);
});

test("client takes up again no session of a server that would not do", async (t) => {
  const { port } = await serve(t);
  const end = clientEnd();
  await connect(end, { port, resumeAs: "route", approves: false });
  assert.equal(facts(await connect(end, { port, resumeAs: "route" })).resumed, false);
});

test("client looks at the certificate of a server that does not know its session any more", async (t) => {
  const { port, server } = await serve(t);
  const end = clientEnd();
  const first = facts(await connect(end, { port, resumeAs: "route" }));
  server.setSecureContext({ cert: OTHER.certificate, key: OTHER.key });
  server.setTicketKeys(Buffer.alloc(48, 2));
  const second = facts(await connect(end, { port, resumeAs: "route" }));
  assert.equal(second.resumed, false);
  assert.notEqual(second.peer?.fingerprint, first.peer?.fingerprint);
});

test("client tells a handshake that failed with a session from one that failed without, and forgets it", async (t) => {
  const { port } = await serve(t, {}, "stumbles over sessions");
  const end = clientEnd();
  await connect(end, { port, resumeAs: "route" });
  const failed = await connect(end, { port, resumeAs: "route" });
  assert.equal("kind" in failed && failed.why, "resumption");
  assert.equal(facts(await connect(end, { port, resumeAs: "route" })).resumed, false);
});

const KEPT: KeptSession = { session: Buffer.alloc(10), peer: undefined, untilMs: 1000 };

test("sessions are kept until their time, and the newest of them where there are many", () => {
  const sessions = new ClientSessions();
  sessions.keep("a", KEPT);
  assert.equal(sessions.get("a", 999), KEPT);
  assert.equal(sessions.get("a", 1000), undefined);
  sessions.keep("long", { ...KEPT, session: Buffer.alloc(100_000) });
  assert.equal(sessions.get("long", 0), undefined);
  sessions.keep("long", { ...KEPT, peer: showing(Array.from({ length: 10 }, () => 10_000)) });
  assert.equal(sessions.get("long", 0), undefined);
  sessions.keep("usual", { ...KEPT, peer: showing([1500, 1200]) });
  assert.ok(sessions.get("usual", 0));
  for (let n = 0; n <= 1000; n++) sessions.keep(String(n), KEPT);
  assert.equal(sessions.get("0", 0), undefined);
  assert.equal(sessions.get("1000", 0), KEPT);
  sessions.forget("1000");
  assert.equal(sessions.get("1000", 0), undefined);
});

/** A server with a chain of certificates of these lengths. */
function showing(lengths: readonly number[]): TlsPeer {
  const chain = lengths.map((length) => ({
    certificate: Buffer.alloc(length),
    key: Buffer.alloc(0),
    names: [],
    isCurrent: true,
    isAuthority: false,
    isSignedByNext: false,
  }));
  const fingerprints = { fingerprint: "", keyFingerprint: "" };
  return { verified: true, why: "", names: [], ...fingerprints, chain: () => chain };
}
