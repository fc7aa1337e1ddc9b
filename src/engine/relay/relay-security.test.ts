import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { TlsServer } from "#base/ports/tls.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Table } from "#model/config/table.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import type { Terms } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import type { RelayCredentials } from "#model/relay-credentials.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction, tableOf, toHostAt } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink, type SinkSettings } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { Relay } from "./relay.ts";

const DAY_MS = 86_400_000;
const TEXT = "Subject: x\r\n\r\nhello\r\n";
const RIGHT = "names=mx.far.example";
const STRANGER = "names=mx.elsewhere.example";
const MX = "mx.far.example [192.0.2.7]";
const DELIVERED = `delivered | 2.0.0 | 250 2.0.0 Taken | ${MX}`;

function host(url: string): Partial<RelayAction> {
  return { to: toHostAt(url) };
}

const ASKED: Table = {
  ...tableOf("pins"),
  source: { kind: "db", path: "/pins.db" },
  shape: "remote",
};

interface Setting {
  readonly action?: Partial<RelayAction>;
  /** Undefined: the server has no TLS. */
  readonly certificate?: string;
  readonly sink?: Omit<SinkSettings, "tls">;
  readonly start?: "starttls" | "at-once";
  readonly credentials?: Lookup<RelayCredentials>;
  /** What tables that are asked say of a fingerprint. */
  readonly pins?: (fingerprint: string) => Lookup<string>;
  readonly requireTls?: boolean;
}

class Scene {
  readonly world = new SimWorld(1);
  readonly events: Event[] = [];
  readonly sink: Sink;
  readonly relay: Relay;
  readonly #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
    const { network, clock, random, resolver, tls } = this.world;
    resolver.setMx("far.example", [{ preference: 10, exchange: "mx.far.example" }]);
    resolver.setAddresses("mx.far.example", ["192.0.2.7"]);
    const { certificate, start = "starttls" } = setting;
    const extensions = ["PIPELINING", ...(start === "starttls" ? ["STARTTLS"] : [])];
    this.sink = new Sink({
      extensions,
      ...setting.sink,
      ...(certificate !== undefined && { tls: { server: this.#server(certificate), start } }),
    });
    const parties = relayParties(
      tls,
      {
        observe: (event) => this.events.push(event),
        askCredentials: async () => setting.credentials ?? ABSENT,
        askTable: (_, service, key) =>
          service === "fingerprint" ? (setting.pins?.(key) ?? ABSENT) : ABSENT,
      },
      `${RIGHT} and others`,
    );
    const action = relayAction("out", setting.action);
    const ports = { network, clock, random, resolver };
    this.relay = new Relay(ports, new Map([["out", action]]), parties);
  }

  #server(certificate: string): TlsServer {
    return tlsServer(this.world.tls, { certificate });
  }

  async result(): Promise<string> {
    const { outcome, status, diagnostic, remote } = await this.attempt();
    return [outcome, status, diagnostic, remote].join(" | ");
  }

  async attempt(): Promise<DeliveryResult> {
    const port = this.#setting.start === "at-once" ? 465 : 25;
    await this.sink.listen(this.world.network, { kind: "tcp", host: "192.0.2.7", port });
    const task = taskOf(["x@far.example"], TEXT);
    const terms = { ...NO_TERMS, tls: "required" } as const;
    const message = this.#setting.requireTls ? { ...task.message, terms } : task.message;
    const attempt = this.relay.attempt({ ...task, message });
    const [result] = await this.world.clock.runUntilSettled(attempt, DAY_MS);
    assert.ok(result);
    return result;
  }
}

const NO_TERMS: Terms = {
  utf8: false,
  isBinary: false,
  tls: "by-policy",
  returns: undefined,
  envelopeId: "",
  deliverBy: undefined,
  holdUntilMs: 0,
  priority: 0,
};

const NOT_VERIFIED = "Server certificate not verified: UNABLE_TO_VERIFY_LEAF_SIGNATURE";
const PIN = `SHA256:${createHash("sha256").update(STRANGER).digest("hex")}`;

const CASES: readonly (Setting & {
  readonly name: string;
  readonly is: string;
  /** Of the sink's lines. */
  readonly tls: readonly string[];
  readonly sessions?: number;
})[] = [
  {
    name: "uses TLS where it is offered, whoever shows what",
    certificate: STRANGER,
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "sends in the clear where TLS is not offered",
    sink: { extensions: [] },
    is: DELIVERED,
    tls: [],
  },
  {
    name: "sends in the clear over a new connection where STARTTLS is refused (OUT-03)",
    sink: { reply: (line) => (line === "STARTTLS" ? "454 4.7.0 Not now" : undefined) },
    is: DELIVERED,
    tls: ["STARTTLS"],
    sessions: 2,
  },
  {
    name: "sends in the clear over a new connection where the handshake fails (OUT-03)",
    sink: {
      reply: (line) => (line === "STARTTLS" ? "220 2.0.0 Go\r\n250 x" : undefined),
    },
    is: DELIVERED,
    tls: ["STARTTLS"],
    sessions: 2,
  },
  {
    name: "defers where TLS is required and not offered (OUT-02)",
    action: { tls: "verified" },
    sink: { extensions: [] },
    is: `deferred | 4.7.4 | TLS is required, and the server does not offer it (at STARTTLS) | ${MX}`,
    tls: [],
  },
  {
    name: "defers where TLS is required and refused",
    action: { tls: "unverified" },
    sink: { reply: (line) => (line === "STARTTLS" ? "502 5.5.1 No" : undefined) },
    is: `deferred | 4.5.1 | 502 5.5.1 No | ${MX}`,
    tls: ["STARTTLS"],
  },
  {
    name: "delivers under TLS to who an authority vouches for",
    action: { tls: "verified" },
    certificate: RIGHT,
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "sends nothing to who nobody vouches for (OUT-04)",
    action: { tls: "verified" },
    certificate: STRANGER,
    is: `deferred | 4.7.5 | ${NOT_VERIFIED} (at TLS) | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "delivers to whoever it is by 'tls no-verify'",
    action: { tls: "unverified" },
    certificate: STRANGER,
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "delivers to the one whose certificate is pinned",
    action: { tls: "verified", fingerprints: tableOf("t", PIN) },
    certificate: STRANGER,
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "sends nothing to another one, vouched for or not, where one is pinned",
    action: { tls: "verified", fingerprints: tableOf("t", PIN) },
    certificate: RIGHT,
    is: `deferred | 4.7.5 | Server certificate is none of those that are known (at TLS) | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "delivers to the one whose certificate a table that is asked has",
    action: { tls: "verified", fingerprints: ASKED },
    certificate: STRANGER,
    pins: (fingerprint) => (fingerprint === PIN ? found("") : ABSENT),
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "sends nothing to one whom a table that is asked does not have",
    action: { tls: "verified", fingerprints: ASKED },
    certificate: RIGHT,
    pins: (fingerprint) => (fingerprint === PIN ? found("") : ABSENT),
    is: `deferred | 4.7.5 | Server certificate is none of those that are known (at TLS) | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "sends nothing while nobody can be asked which certificates are known",
    action: { tls: "verified", fingerprints: ASKED },
    certificate: RIGHT,
    pins: () => ({ kind: "unavailable", cause: new Error("gone") }),
    is: `deferred | 4.7.5 | Could not retrieve fingerprints (at TLS) | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "speaks TLS from the first byte with smtps",
    action: host("smtps://mx.far.example"),
    certificate: RIGHT,
    start: "at-once",
    is: DELIVERED,
    tls: ["TLS mx.far.example"],
  },
  {
    name: "sends nothing by smtps to who nobody vouches for",
    action: host("smtps://mx.far.example"),
    certificate: STRANGER,
    start: "at-once",
    is: `deferred | 4.7.5 | ${NOT_VERIFIED} (at TLS) | ${MX}`,
    tls: ["TLS mx.far.example"],
  },
  {
    name: "never asks for TLS with smtp+notls",
    action: host("smtp+notls://mx.far.example"),
    certificate: RIGHT,
    is: DELIVERED,
    tls: [],
  },
  {
    name: "does not try a host that never has what the action requires",
    action: { ...host("smtp+notls://mx.far.example"), tls: "verified" },
    is: "deferred | 4.7.4 | TLS required for relaying | ",
    tls: [],
    sessions: 0,
  },
  {
    name: "logs in with the credentials of the label",
    action: { ...host("smtp+tls://me@mx.far.example"), auth: tableOf("t") },
    certificate: RIGHT,
    sink: { extensions: ["STARTTLS", "AUTH PLAIN"] },
    credentials: { kind: "found", value: { user: "tim", password: "secret" } },
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example", "AUTH PLAIN AHRpbQBzZWNyZXQ="],
  },
  {
    name: "defers when its credentials are refused",
    action: { ...host("smtp+tls://me@mx.far.example"), auth: tableOf("t") },
    certificate: RIGHT,
    sink: {
      extensions: ["STARTTLS", "AUTH PLAIN"],
      reply: (line) => (line.startsWith("AUTH") ? "535 5.7.8 Who?" : undefined),
    },
    credentials: { kind: "found", value: { user: "tim", password: "secret" } },
    is: `deferred | 4.7.8 | 535 5.7.8 Who? | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example", "AUTH PLAIN AHRpbQBzZWNyZXQ="],
  },
  {
    name: "does not connect without its credentials",
    action: { ...host("smtp+tls://me@mx.far.example"), auth: tableOf("t") },
    certificate: RIGHT,
    credentials: { kind: "unavailable", cause: new Error("table t: gone") },
    is: `deferred | 4.7.8 | Could not retrieve credentials: table t: gone (at AUTH) | ${MX}`,
    tls: [],
    sessions: 0,
  },
  {
    name: "hands on a mail that requires TLS to who is proven and promises the same",
    certificate: RIGHT,
    sink: { extensions: ["STARTTLS", "REQUIRETLS"] },
    requireTls: true,
    is: DELIVERED,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "returns a mail that requires TLS where the server does not promise the same",
    certificate: RIGHT,
    requireTls: true,
    is: `failed | 5.7.30 | Message requires TLS, which this server does not promise to go on with | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
  {
    name: "does not trust a stranger with a mail that requires TLS",
    certificate: STRANGER,
    sink: { extensions: ["STARTTLS", "REQUIRETLS"] },
    requireTls: true,
    is: `deferred | 4.7.5 | ${NOT_VERIFIED} (at TLS) | ${MX}`,
    tls: ["STARTTLS", "TLS mx.far.example"],
  },
];

for (const c of CASES) {
  test(`relay ${c.name}`, async () => {
    const scene = new Scene(c);
    assert.equal(await scene.result(), c.is);
    const lines = scene.sink.lines.filter((line) => /^(?:STARTTLS|TLS|AUTH)/u.test(line));
    assert.deepEqual(lines, c.tls);
    assert.equal(scene.sink.sessions, c.sessions ?? 1);
  });
}

for (const [whom, certificate, kinds] of [
  ["a stranger's", STRANGER, ["mta-closing", "mta-error"]],
  ["the right", RIGHT, []],
] as const)
  test(`relay tells whether it ends a session for ${whom} certificate`, async () => {
    const scene = new Scene({
      action: host("smtps://mx.far.example"),
      certificate,
      start: "at-once",
    });
    await scene.result();
    const told = scene.events.map(({ kind }) => kind);
    assert.deepEqual(
      told.filter((kind) => /closing|error/u.test(kind)),
      kinds,
    );
  });

test("relay says of each result which TLS it has come by, and whether the server proved itself", async () => {
  const sink = { extensions: ["STARTTLS"] };
  const secured = async (url: string, certificate: string): Promise<unknown> =>
    (await new Scene({ action: host(url), certificate, sink }).attempt()).tls;
  const { version, cipher } = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };
  assert.deepEqual(await secured("smtp+tls://mx.far.example", RIGHT), {
    version,
    cipher,
    verified: true,
  });
  assert.deepEqual(await secured("smtp://mx.far.example", STRANGER), {
    version,
    cipher,
    verified: false,
  });
  assert.equal(await secured("smtp+notls://mx.far.example", RIGHT), undefined);
});

test("relay tells of TLS, and of the certificate, but of no secret", async () => {
  const scene = new Scene({
    action: { ...host("smtp+tls://me@mx.far.example"), auth: tableOf("t") },
    certificate: RIGHT,
    sink: { extensions: ["STARTTLS", "AUTH PLAIN"] },
    credentials: { kind: "found", value: { user: "tim", password: "secret" } },
  });
  await scene.result();
  const told = scene.events.map(({ kind }) => kind);
  assert.deepEqual(told, ["mta-connecting", "mta-tls", "mta-cert-check", "mta-connected"]);
  assert.doesNotMatch(JSON.stringify(scene.events), /secret|AHRpbQBzZWNyZXQ/u);
});
