import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Secured, TlsFault, TlsIdentity, TlsServer } from "#base/ports/tls.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import type { ListenerTls } from "#model/config/listener.ts";
import type { Event } from "#model/events.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { RecordingHandler } from "#world/sim/recording-handler.ts";
import { SimWorld } from "#world/sim/world.ts";
import { listenerAt } from "#test/support/listeners.ts";
import { MemoryIntake } from "#test/support/memory-intake.ts";
import { SmtpServer } from "./smtp-server.ts";

type ListeningTls = Exclude<ListenerTls, { readonly mode: "none" }>;

const ENDPOINT: Endpoint = { kind: "tcp", host: "192.0.2.1", port: 25 };
const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const OFFER = tlsOffer(NONE, NONE, "none");
const SHOWN: TlsIdentity = { name: "mx", certificate: "names=mx.example", key: "" };
const FINGERPRINTS = /^SHA256:[0-9a-f]{64}$/u;
const WAIT_MS = 10_000;
const DAY_MS = 86_400_000;

/** One client of one listener with TLS, over a network that splits what it carries as the seed says. */
class Stage {
  readonly world: SimWorld;
  readonly events: Event[] = [];
  readonly queries: RecipientQuery[] = [];
  readonly intake = new MemoryIntake("open");
  readonly server: SmtpServer;
  /** What the client hears, from the last change of the connection on. */
  heard = new RecordingHandler();
  #client: Connection | undefined;

  constructor(change: Partial<ListeningTls>, seed = 1) {
    this.world = new SimWorld(seed);
    const { clock, random, resolver } = this.world;
    const tls: ListeningTls = {
      mode: "starttls",
      verify: false,
      fingerprints: undefined,
      pkis: [],
      ca: undefined,
      settings: NONE,
      ...change,
    };
    const listener = listenerAt(ENDPOINT, { tls });
    const made = this.world.tls.server({
      offer: OFFER,
      identities: [SHOWN],
      clients: tls.verify ? { pem: "names=known.example" } : undefined,
      tickets: undefined,
    });
    assert.ok(!("kind" in made));
    const end: TlsServer = made;
    this.server = new SmtpServer(
      { clock, random, resolver },
      { maxMessageBytes: 1000, maxRecipients: 10, maxMailsPerSession: 10 },
      {
        routing: {
          resolve: (query): Resolution => {
            this.queries.push(query);
            return { kind: "accepted", envelopes: [] };
          },
        },
        intake: this.intake,
        observe: (event) => this.events.push(event),
        tlsOf: () => end,
      },
    );
    const [client, served] = this.world.network.pair(ENDPOINT);
    this.#client = client;
    this.server.accept(served, listener);
  }

  get #connection(): Connection {
    assert.ok(this.#client !== undefined, "connected");
    return this.#client;
  }

  start(): void {
    this.#connection.start(this.heard);
  }

  /** Sends `text`; what comes within a while, or before the end. */
  async say(text: string): Promise<string> {
    const before = this.heard.text.length;
    this.#connection.write(Buffer.from(text, "latin1"));
    await this.world.clock.advance(WAIT_MS);
    return this.heard.text.slice(before);
  }

  /** The client's end of the handshake. */
  async secure(certificate?: string): Promise<Secured | TlsFault> {
    const identity = certificate === undefined ? undefined : { ...SHOWN, certificate };
    const authorities = { pem: SHOWN.certificate };
    const end = this.world.tls.client({ offer: OFFER, authorities, identity });
    assert.ok("connect" in end, "settings are usable");
    const secured = await this.world.clock.runUntilSettled(
      end.connect(this.#connection, {
        serverName: "mx.example",
        timeoutMs: WAIT_MS,
        resumeAs: undefined,
      }),
      2 * WAIT_MS,
    );
    if (secured.kind === "tls-fault") return secured;
    this.#client = secured.connection;
    this.heard = new RecordingHandler();
    this.start();
    await this.world.clock.advance(WAIT_MS);
    return secured;
  }

  /** Why the session has ended, once the client had its time to hear of it. */
  async reason(): Promise<string | undefined> {
    await this.world.clock.advance(2 * WAIT_MS);
    const end = this.events.find(({ kind }) => kind === "smtp-disconnected");
    return end?.kind === "smtp-disconnected" ? end.reason : undefined;
  }
}

async function greeted(change: Partial<ListeningTls> = {}, seed = 1): Promise<Stage> {
  const stage = new Stage(change, seed);
  stage.start();
  await stage.world.clock.advance(WAIT_MS);
  assert.match(stage.heard.text, /^220 /u);
  return stage;
}

for (let seed = 1; seed <= 20; seed++) {
  test(`session over STARTTLS takes mail, and says that it came so (seed ${seed})`, async () => {
    const stage = await greeted({}, seed);
    assert.match(await stage.say("EHLO c.example\r\n"), /\r\n250-STARTTLS\r\n/u);
    assert.match(await stage.say("STARTTLS\r\n"), /^220 2\.0\.0 Ready to start TLS\r\n$/u);
    assert.equal((await stage.secure()).kind, "secured");
    assert.match(await stage.say("MAIL FROM:<a@c.example>\r\n"), /^503 /u);
    const hello = await stage.say("EHLO c.example\r\n");
    assert.match(hello, /^250-mx\.example/u);
    assert.doesNotMatch(hello, /STARTTLS/u);
    assert.match(await stage.say("STARTTLS\r\n"), /^503 /u);
    const envelope = "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n";
    assert.match(await stage.say(envelope), /354 /u);
    assert.match(await stage.say("Subject: s\r\n\r\n.\r\n"), /^250 /u);
    assert.equal(stage.queries[0]?.tls, true);
    const text = stage.intake.kept[0]?.text.toString("latin1") ?? "";
    assert.match(text, /with ESMTPS id \S+ \(TLSv1\.3:TLS_AES_256_GCM_SHA384:256:NO\)/u);
    assert.match(await stage.say("QUIT\r\n"), /^221 /u);
    assert.equal(await stage.reason(), "quit");
  });
}

test("what comes with STARTTLS in the clear ends the session, and is no command", async () => {
  const stage = await greeted();
  await stage.say("EHLO c.example\r\n");
  const answer = await stage.say("STARTTLS\r\nRSET\r\nMAIL FROM:<evil@c.example>\r\n");
  // Whether it comes in one piece is the network's business: at a split it is no handshake.
  if (answer.startsWith("501 ")) assert.equal(await stage.reason(), "bad input");
  else assert.equal(await stage.reason(), "tls-accept-failed: not a TLS record");
  assert.doesNotMatch(answer, /\r\n250/u);
});

test("session that must be secured takes no mail in the clear", async () => {
  const stage = await greeted({ mode: "starttls-required" });
  await stage.say("EHLO c.example\r\n");
  assert.match(await stage.say("MAIL FROM:<a@c.example>\r\n"), /^530 /u);
  await stage.say("STARTTLS\r\n");
  await stage.secure();
  await stage.say("EHLO c.example\r\n");
  assert.match(await stage.say("MAIL FROM:<a@c.example>\r\n"), /^250 /u);
});

test("session of smtps greets after the handshake", async () => {
  const stage = new Stage({ mode: "smtps" });
  assert.equal((await stage.secure()).kind, "secured");
  assert.match(stage.heard.text, /^220 mx\.example/u);
  assert.doesNotMatch(await stage.say("EHLO c.example\r\n"), /STARTTLS/u);
});

test("session of smtps whose client speaks first in the clear is closed without a word", async () => {
  const stage = new Stage({ mode: "smtps" });
  stage.start();
  assert.equal(await stage.say("EHLO c.example\r\n"), "");
  assert.equal(await stage.reason(), "tls-accept-failed: not a TLS record");
  assert.ok(stage.heard.events.length > 0, "the client is told of the end");
});

test("session whose handshake does not come is closed in time, and counted as such", async () => {
  const stage = new Stage({ mode: "smtps" });
  stage.start();
  await stage.world.clock.advance(DAY_MS);
  const end = stage.events.at(-1);
  assert.ok(end?.kind === "smtp-disconnected");
  assert.deepEqual([end.reason, end.limit], ["tls-accept-failed: no handshake", "handshake-time"]);
  assert.equal(stage.server.sessionCount, 0);
});

test("listener with verify takes clients whose certificate is vouched for, and tells of it", async () => {
  const known = new Stage({ mode: "smtps", verify: true });
  await known.secure("names=known.example");
  assert.match(known.heard.text, /^220 /u);
  const check = known.events.find(({ kind }) => kind === "smtp-cert-check");
  assert.ok(check?.kind === "smtp-cert-check" && check.verified);
  assert.match(check.fingerprint, FINGERPRINTS);
  await known.say("EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@mx.example>\r\n");
  const { tls } = known.queries[0]?.origin ?? {};
  assert.deepEqual([tls?.verified, tls?.fingerprints.length], [true, 2]);

  const stranger = new Stage({ mode: "smtps", verify: true });
  await stranger.secure("names=stranger.example");
  assert.equal(stranger.heard.text, "");
  assert.match((await stranger.reason()) ?? "", /client certificate not verified/u);
  const nobody = new Stage({ mode: "smtps", verify: true });
  await nobody.secure();
  assert.equal(await nobody.reason(), "tls-accept-failed: no client certificate");
});

test("server that stops lets go of sessions in their handshake too", async () => {
  const stage = new Stage({ mode: "smtps" });
  stage.start();
  const stopped = stage.server.shutdown(1000);
  await stage.world.clock.runUntilSettled(stopped, WAIT_MS);
  assert.equal(stage.server.sessionCount, 0);
  assert.equal(await stage.reason(), "shutdown");
});
