import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { RelayAction } from "#model/config/action.ts";
import { NO_TERMS, type TlsTerm } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import type { SimZone } from "#world/sim/resolver.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink } from "#test/support/sink.ts";
import { transportOf } from "#test/support/transport-seen.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { Relay } from "./relay.ts";

const DAY_MS = 86_400_000;
/** No authority knows it, and it is for another name. */
const CERTIFICATE = "names=mx.elsewhere.example";
const TLSA_NAME = "_25._tcp.mx.far.example";

function keyRecord(certificate: string, usage = 3): TlsaRecord {
  const data = createHash("sha256").update(`key of ${certificate}`).digest();
  return { usage, selector: 1, matching: 1, data };
}

const RIGHT = keyRecord(CERTIFICATE);
const WRONG = keyRecord("names=other");
const SIGNED = ["*.far.example", "far.example"];

interface Case {
  readonly what: string;
  readonly zone?: SimZone;
  readonly action?: Partial<RelayAction>;
  /** The server does not offer STARTTLS. */
  readonly stripped?: true;
  /** By the destination's policies if left out. */
  readonly tls?: TlsTerm;
  readonly says: RegExp;
  /** By a certificate that is proven, that is not, or in the clear. */
  readonly over?: "proven" | "encrypted" | "clear";
}

const DELIVERED = /^delivered /;
const MISMATCH = /^deferred .*matches no TLSA record/;
const NO_STARTTLS = /^deferred /;
const UNKNOWN = /^deferred 4\.7\.5 Temporary failure in TLSA lookup/;

const CASES: readonly Case[] = [
  {
    what: "a record that is signed and right",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    says: DELIVERED,
    over: "proven",
  },
  {
    what: "a record that is signed and wrong",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] }, signed: SIGNED },
    says: MISMATCH,
  },
  {
    what: "a record that is signed and wrong, for mail that must arrive all the same",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] }, signed: SIGNED },
    tls: "optional",
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "one wrong record of two that are signed",
    zone: { tlsa: { [TLSA_NAME]: [WRONG, RIGHT] }, signed: SIGNED },
    says: DELIVERED,
    over: "proven",
  },
  {
    what: "a wrong record in a zone that is not signed",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] } },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "a wrong record that is signed, of an MX that is not",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] }, signed: ["*.far.example"] },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "a wrong record that is not signed, of an MX that is",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] }, signed: ["far.example", "mx.far.example"] },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "no record in a signed zone",
    zone: { signed: SIGNED },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "no record in a signed zone, and no STARTTLS",
    zone: { signed: SIGNED },
    stripped: true,
    says: DELIVERED,
    over: "clear",
  },
  {
    what: "a record, and STARTTLS that somebody took away",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    stripped: true,
    says: NO_STARTTLS,
  },
  {
    what: "records of no use",
    zone: { tlsa: { [TLSA_NAME]: [keyRecord("x", 0), keyRecord("x", 1)] }, signed: SIGNED },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "records of no use, and no STARTTLS",
    zone: { tlsa: { [TLSA_NAME]: [keyRecord("x", 1)] }, signed: SIGNED },
    stripped: true,
    says: NO_STARTTLS,
  },
  {
    what: "records of no use, for mail that requires a proof",
    zone: { tlsa: { [TLSA_NAME]: [keyRecord("x", 1)] }, signed: SIGNED },
    tls: "required",
    says: /^deferred .*not verified/,
  },
  {
    what: "records that nobody can ask for",
    zone: { unavailable: [TLSA_NAME], signed: SIGNED },
    says: UNKNOWN,
  },
  {
    what: "records that nobody can ask for, in a zone that is not signed",
    zone: { unavailable: [TLSA_NAME] },
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "a record of the name that its aliases lead to",
    zone: {
      aliases: { "mx.far.example": "real.far.example" },
      tlsa: { "_25._tcp.real.far.example": [RIGHT] },
      signed: SIGNED,
    },
    says: DELIVERED,
    over: "proven",
  },
  {
    what: "a record of its own name, when its alias's has none",
    zone: {
      aliases: { "mx.far.example": "real.far.example" },
      tlsa: { [TLSA_NAME]: [WRONG] },
      signed: SIGNED,
    },
    says: MISMATCH,
  },
  {
    what: "a record of its own name, when its alias leads out of signed zones",
    zone: {
      aliases: { "mx.far.example": "real.elsewhere.example" },
      tlsa: { [TLSA_NAME]: [WRONG] },
      signed: SIGNED,
    },
    says: MISMATCH,
  },
  {
    what: "a wrong record, when the action asks for a name that authorities vouch for",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    action: { tls: "verified" },
    says: /^deferred .*not verified/,
  },
  {
    what: "a record that is right, for mail that requires a proof",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    tls: "required",
    says: /^failed 5\.7\.30 /,
    over: "proven",
  },
];

async function relay(given: Case): Promise<readonly [said: string, over: string]> {
  const { zone = {} } = given;
  const target = zone.aliases?.["mx.far.example"] ?? "mx.far.example";
  const world = new SimWorld(1, {
    zone: {
      ...zone,
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { [target]: ["192.0.2.7"] },
    },
  });
  const { network, clock, random, resolver, tls } = world;
  const server = tlsServer(tls, { certificate: CERTIFICATE });
  const extensions = given.stripped ? [] : ["STARTTLS"];
  const sink = new Sink({ extensions, tls: { server, start: "starttls" } });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const events: Event[] = [];
  const parties = relayParties(tls, { observe: (event) => events.push(event) });
  const action = relayAction("out", given.action);
  const carrier = new Relay(
    { network, clock, random, resolver },
    new Map([["out", action]]),
    parties,
  );
  const task = taskOf(["x@far.example"], "Subject: x\r\n\r\nhello\r\n");
  const terms = { ...NO_TERMS, tls: given.tls ?? "by-policy" };
  const message = { ...task.message, terms };
  const [result] = await clock.runUntilSettled(carrier.attempt({ ...task, message }), DAY_MS);
  assert.ok(result);
  const over = transportOf(events);
  const handshake = events.find(({ kind }) => kind === "mta-tls");
  const word = handshake?.kind === "mta-tls" ? handshake.policy : "none";
  assert.equal(word === "dane", over === "proven" || /TLSA record/.test(result.diagnostic));
  return [`${result.outcome} ${result.status} ${result.diagnostic}`, over];
}

for (const given of CASES) {
  const { what, says, over } = given;
  test(`relaying to a server with ${what}: ${over ?? "nothing is sent"}`, async () => {
    const [said, went] = await relay(given);
    assert.match(said, says);
    if (over !== undefined) assert.equal(went, over);
  });
}
