import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { test, type TestContext } from "node:test";
import type { Connection } from "#base/ports/network.ts";
import type { Secured, TlsFault, TlsServerOptions } from "#base/ports/tls.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { certify, type CertificateRequest } from "#test/support/certificates.ts";
import { nodeTls } from "./tls.ts";

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const HANDSHAKE_MS = 5000;

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const REQUESTS = {
  "mx-ecdsa": { subject: "mx.example.org", dns: ["mx.example.org"], issuer: AUTHORITY },
  "mx-rsa": { subject: "mx.example.org", dns: ["mx.example.org"], key: "rsa" },
  wild: { subject: "wild.example", dns: ["*.wild.example"] },
  client: {
    subject: "client",
    dns: ["client.example.org"],
    mail: ["ann@example.org"],
    issuer: AUTHORITY,
  },
} satisfies Record<string, CertificateRequest>;
const MADE = new Map(Object.entries(REQUESTS).map(([name, each]) => [name, certify(each)]));

function identity(name: keyof typeof REQUESTS): TlsServerOptions["identities"][number] {
  const made = MADE.get(name) ?? AUTHORITY;
  return { name, certificate: made.certificate, key: made.key };
}

function serverOptions(change: Partial<TlsServerOptions> = {}): TlsServerOptions {
  return {
    offer: tlsOffer(NONE, NONE, "none"),
    identities: [identity("mx-ecdsa"), identity("mx-rsa"), identity("wild")],
    clients: undefined,
    tickets: { key: Buffer.alloc(48, 7), context: "listener" },
    ...change,
  };
}

interface Meeting {
  readonly port: number;
  /** How the next handshake ends here. */
  readonly next: () => Promise<Secured | TlsFault>;
}

async function listen(
  t: TestContext,
  change: Partial<TlsServerOptions> = {},
  timeoutMs = HANDSHAKE_MS,
): Promise<Meeting> {
  const end = nodeTls().server(serverOptions(change));
  assert.ok(!("kind" in end), "settings are usable");
  const waiting: ((outcome: Promise<Secured | TlsFault>) => void)[] = [];
  const outcomes: Promise<Secured | TlsFault>[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const outcome = end.accept(wrapSocket(socket), timeoutMs);
    const taker = waiting.shift();
    if (taker === undefined) outcomes.push(outcome);
    else taker(outcome);
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    next: () => {
      const outcome = outcomes.shift();
      if (outcome !== undefined) return outcome;
      const { promise, resolve } = Promise.withResolvers<Secured | TlsFault>();
      waiting.push(resolve);
      return promise;
    },
  };
}

function client(t: TestContext, options: tls.ConnectionOptions): tls.TLSSocket {
  const socket = tls.connect({ host: "127.0.0.1", rejectUnauthorized: false, ...options });
  socket.on("error", () => undefined);
  t.after(() => socket.destroy());
  return socket;
}

function sessionOf(socket: tls.TLSSocket): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  socket.once("session", resolve);
  return promise;
}

function mustBeSecured(outcome: Secured | TlsFault): Secured {
  assert.ok(outcome.kind === "secured", "message" in outcome ? outcome.message : "");
  return outcome;
}

function closing(t: TestContext, connection: Connection): RecordingHandler {
  const handler = new RecordingHandler();
  connection.start(handler);
  t.after(() => connection.destroy());
  return handler;
}

test("TLS server tells what was agreed on, and carries bytes both ways", async (t) => {
  const { port, next } = await listen(t);
  const socket = client(t, { port, servername: "MX.example.org" });
  const connected = once(socket, "secureConnect");
  const { connection, facts } = mustBeSecured(await next());
  const { exporter: _, ...told } = facts;
  assert.deepEqual(told, {
    version: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    bits: 256,
    group: undefined,
    serverName: "MX.example.org",
    identity: "mx-ecdsa",
    resumed: false,
    peer: undefined,
  });
  const handler = closing(t, connection);
  await connected;
  assert.deepEqual(
    facts.exporter(),
    socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)),
  );
  socket.write("ask");
  await handler.until(() => handler.text === "ask");
  connection.write(Buffer.from("answer"));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.equal(answer.toString(), "answer");
});

const CHOICES: readonly (readonly [string, tls.ConnectionOptions, string])[] = [
  ["a client that asks for nothing the first", {}, "mx-ecdsa"],
  ["a client that checks RSA alone its twin", { sigalgs: "rsa_pss_rsae_sha256" }, "mx-rsa"],
  ["a client the wildcard for its name", { servername: "a.wild.example" }, "wild"],
  ["a client that asks for another name the first", { servername: "other.example" }, "mx-ecdsa"],
  [
    "a client with ciphers of RSA alone its twin",
    { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" },
    "mx-rsa",
  ],
];

for (const [what, asked, name] of CHOICES) {
  test(`TLS server shows ${what}`, async (t) => {
    const { port, next } = await listen(t);
    client(t, { port, ...asked });
    const { connection, facts } = mustBeSecured(await next());
    closing(t, connection);
    assert.equal(facts.identity, name);
  });
}

test("TLS server says whose certificate a client showed, and whether it is vouched for", async (t) => {
  const authority = AUTHORITY.certificate;
  const { port, next } = await listen(t, { clients: { pem: authority } });
  const shown = identity("client");
  client(t, { port, cert: shown.certificate, key: shown.key });
  const known = mustBeSecured(await next());
  closing(t, known.connection);
  assert.equal(known.facts.peer?.verified, true, known.facts.peer?.why ?? "no certificate");
  assert.deepEqual(known.facts.peer?.names, ["client.example.org", "ann@example.org"]);
  assert.match(known.facts.peer?.fingerprint ?? "", /^SHA256:[0-9a-f]{64}$/u);
  assert.match(known.facts.peer?.keyFingerprint ?? "", /^SHA256:[0-9a-f]{64}$/u);
  const stranger = identity("wild");
  client(t, { port, cert: stranger.certificate, key: stranger.key });
  const unknown = mustBeSecured(await next());
  closing(t, unknown.connection);
  assert.deepEqual(
    [unknown.facts.peer?.verified, unknown.facts.peer?.why],
    [false, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  );
  client(t, { port });
  const nobody = mustBeSecured(await next());
  closing(t, nobody.connection);
  assert.equal(nobody.facts.peer, undefined);
});

function staple(name: string): Buffer | undefined {
  return name === "mx-rsa" ? undefined : Buffer.from(`response for ${name}`);
}

test("TLS server staples the response for the certificate that it shows, to clients that ask", async (t) => {
  const { port, next } = await listen(t, { staple });
  const stapled = async (asked: tls.ConnectionOptions): Promise<string | undefined> => {
    const { promise, resolve } = Promise.withResolvers<Buffer | null>();
    const socket = client(t, { port, requestOCSP: true, ...asked });
    socket.once("OCSPResponse", resolve);
    closing(t, mustBeSecured(await next()).connection);
    return (await promise)?.toString();
  };
  assert.equal(await stapled({}), "response for mx-ecdsa");
  assert.equal(await stapled({ servername: "a.wild.example" }), "response for wild");
  assert.equal(await stapled({ sigalgs: "rsa_pss_rsae_sha256" }), undefined);
});

test("TLS server takes no chain without end from a client", async (t) => {
  const { port, next } = await listen(t, { clients: { pem: AUTHORITY.certificate } });
  const shown = identity("client");
  const chain = [shown.certificate, ...Array<string>(400).fill(AUTHORITY.certificate)].join("");
  client(t, { port, cert: chain, key: shown.key });
  const outcome = await next();
  assert.ok(outcome.kind === "tls-fault");
  assert.deepEqual([outcome.why, outcome.message], ["handshake", "excessive message size"]);
});

test("TLS server lets a client take its session up again, with another server of the same key", async (t) => {
  const [first, second, other] = [
    await listen(t),
    await listen(t),
    await listen(t, { tickets: { key: Buffer.alloc(48, 7), context: "other listener" } }),
  ];
  const socket = client(t, { port: first.port });
  const { connection } = mustBeSecured(await first.next());
  closing(t, connection);
  socket.resume();
  const session = await sessionOf(socket);
  for (const [meeting, resumed] of [
    [second, true],
    [other, false],
  ] as const) {
    client(t, { port: meeting.port, session });
    const again = mustBeSecured(await meeting.next());
    closing(t, again.connection);
    assert.equal(again.facts.resumed, resumed);
  }
});

const REFUSALS: readonly (readonly [string, string, TlsFault["why"]])[] = [
  ["plain text", "EHLO client.example\r\n", "no-tls"],
  ["a record of another kind", "\x17\x03\x03\x00\x01a", "no-tls"],
  ["a handshake that is no ClientHello", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", "handshake"],
  [
    "a ClientHello that lies about its length",
    "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    "handshake",
  ],
  ["an endless one", "\x16\x03\x01\x00\x04\x01\xff\xff\xff", "handshake"],
];

for (const [what, bytes, why] of REFUSALS) {
  test(`TLS server closes on ${what}`, async (t) => {
    const { port, next } = await listen(t);
    const socket = net.connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => undefined);
    socket.write(Buffer.from(bytes, "latin1"));
    const outcome = await next();
    assert.ok(outcome.kind === "tls-fault");
    assert.equal(outcome.why, why);
    await once(socket, "close");
  });
}

test("TLS server closes when there is nothing in common", async (t) => {
  const { port, next } = await listen(t);
  client(t, { port, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" });
  const outcome = await next();
  assert.ok(outcome.kind === "tls-fault");
  assert.deepEqual([outcome.why, outcome.message], ["handshake", "unsupported protocol"]);
});

test("TLS server closes on a client that goes, or says nothing in time", async (t) => {
  const { port, next } = await listen(t, {}, 20);
  const silent = net.connect(port, "127.0.0.1");
  t.after(() => silent.destroy());
  const late = await next();
  assert.equal(late.kind === "tls-fault" && late.why, "timeout");
  const going = net.connect(port, "127.0.0.1");
  going.end();
  const gone = await next();
  assert.equal(gone.kind === "tls-fault" && gone.why, "closed");
});

/** What a client says first, as far as it needs no answer. */
async function firstFlight(t: TestContext): Promise<Buffer> {
  const listener = net.createServer();
  t.after(() => listener.close());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  client(t, { port: (listener.address() as net.AddressInfo).port });
  const [socket] = (await once(listener, "connection")) as [net.Socket];
  t.after(() => socket.destroy());
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes;
}

test("TLS server is done with a client that ends in the midst of a handshake", async (t) => {
  const { port, next } = await listen(t);
  const going = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => going.destroy());
  going.on("error", () => undefined);
  going.write(await firstFlight(t));
  await once(going, "data");
  going.end();
  const gone = await next();
  assert.equal(gone.kind === "tls-fault" && gone.why, "closed");
});

test("TLS client is done with a server that ends in the midst of a handshake", async (t) => {
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end());
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: AUTHORITY.certificate },
    identity: undefined,
  });
  assert.ok("connect" in end, "settings are usable");
  const outcome = await end.connect(wrapSocket(socket), {
    serverName: "mx.example.org",
    timeoutMs: HANDSHAKE_MS,
    resumeAs: undefined,
  });
  assert.equal(outcome.kind === "tls-fault" && outcome.why, "closed");
});

function settingsFault(change: Partial<TlsServerOptions>): unknown {
  const end = nodeTls().server(serverOptions(change));
  return "kind" in end ? [end.why, end.message] : end;
}

test("TLS server says which settings it cannot use", () => {
  const [ecdsa, rsa] = [identity("mx-ecdsa"), identity("mx-rsa")];
  assert.deepEqual(settingsFault({ identities: [{ ...ecdsa, key: rsa.key }] }), [
    "settings",
    "pki mx-ecdsa: the key is not that of the certificate",
  ]);
  assert.deepEqual(settingsFault({ identities: [{ ...ecdsa, certificate: "" }] }), [
    "settings",
    "pki mx-ecdsa: no start line",
  ]);
  const offer = { ...tlsOffer(NONE, NONE, "none"), ciphers: "NO-SUCH" };
  assert.deepEqual(settingsFault({ offer, identities: [ecdsa] }), [
    "settings",
    "pki mx-ecdsa: no cipher match",
  ]);
});

test("TLS client checks the server's certificate and its name", async (t) => {
  const { port, next } = await listen(t, { identities: [identity("mx-ecdsa")] });
  const ask = async (serverName: string, pem: string): Promise<Secured | TlsFault> => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    const end = nodeTls().client({
      offer: tlsOffer(NONE, NONE, "none"),
      authorities: { pem },
      identity: undefined,
    });
    assert.ok("connect" in end, "settings are usable");
    const [outcome, other] = await Promise.all([
      end.connect(wrapSocket(socket), { serverName, timeoutMs: HANDSHAKE_MS, resumeAs: undefined }),
      next(),
    ]);
    closing(t, mustBeSecured(other).connection);
    closing(t, mustBeSecured(outcome).connection);
    return outcome;
  };
  const authority = AUTHORITY.certificate;
  const { facts } = mustBeSecured(await ask("mx.example.org", authority));
  assert.deepEqual(
    [facts.peer?.verified, facts.peer?.why, facts.group],
    [true, "", "X25519MLKEM768"],
  );
  const named = mustBeSecured(await ask("other.example.org", authority));
  assert.deepEqual(
    [named.facts.peer?.verified, named.facts.peer?.why],
    [false, "ERR_TLS_CERT_ALTNAME_INVALID"],
  );
  const strange = mustBeSecured(await ask("mx.example.org", identity("wild").certificate));
  assert.equal(strange.facts.peer?.verified, false);
});

test("TLS server hears at once of a client that goes within the handshake, once it has said hello", async (t) => {
  const { port, next } = await listen(t);
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: "" },
    identity: undefined,
  });
  assert.ok("connect" in end, "settings are usable");
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const { connection } = mustBeSecured(
    await end.connect(wrapSocket(socket), {
      serverName: "mx.example.org",
      timeoutMs: HANDSHAKE_MS,
      resumeAs: undefined,
    }),
  );
  connection.start(new RecordingHandler());
  // What ends the handshake has not left yet.
  connection.destroy();
  const outcome = await next();
  assert.ok(outcome.kind === "tls-fault");
  assert.equal(outcome.why, "closed");
});

test("TLS client does not ask for the name where it must not, and checks it all the same", async (t) => {
  const { port, next } = await listen(t, { identities: [identity("mx-ecdsa")] });
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: AUTHORITY.certificate },
    identity: undefined,
    asksForName: false,
  });
  assert.ok("connect" in end, "settings are usable");
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const [mine, theirs] = await Promise.all([
    end.connect(wrapSocket(socket), {
      serverName: "mx.example.org",
      timeoutMs: HANDSHAKE_MS,
      resumeAs: undefined,
    }),
    next(),
  ]);
  const { connection, facts } = mustBeSecured(mine);
  const other = mustBeSecured(theirs);
  closing(t, connection);
  closing(t, other.connection);
  assert.deepEqual([other.facts.serverName, facts.peer?.verified], [undefined, true]);
});

test("TLS server takes no second handshake in a connection", async (t) => {
  const offer: TlsServerOptions["offer"] = { ...serverOptions().offer, versions: ["TLSv1.2"] };
  const { port, next } = await listen(t, { offer });
  const socket = client(t, { port, maxVersion: "TLSv1.2" });
  const connected = once(socket, "secureConnect");
  const { connection } = mustBeSecured(await next());
  closing(t, connection);
  await connected;
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  socket.once("error", resolve);
  socket.renegotiate({ rejectUnauthorized: false }, resolve);
  assert.match(String(await promise), /NO_RENEGOTIATION|no renegotiation/iu);
});
