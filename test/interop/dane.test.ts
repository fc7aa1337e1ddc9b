/**
 * DANE with unbound as the resolver that checks signatures, and with zones that are signed,
 * not signed, and forged: what is found in the DNS, over which transport mail goes then.
 *
 * The relay is the daemon's own on real sockets; port 25 of the exchangers is a free one.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { Relay } from "#engine/relay/relay.ts";
import type { Event } from "#model/events.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { relayAction } from "#test/support/actions.ts";
import { certify, type Certified } from "#test/support/certificates.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { transportOf, withSmtpAt } from "#test/support/transport-seen.ts";
import { PostfixServer, unlessPostfix } from "./postfix-server.ts";
import { Scratch } from "./scratch.ts";
import { SignedZones, unlessSignedZones, type Zone } from "./signed-zones.ts";
import { tlsSink } from "./tls-sink.ts";

const skip = unlessSignedZones();

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const MX = ["mx.right.example"];
const OWN = certify({ subject: "mx", dns: MX });
const OTHER = certify({ subject: "other" });
const EXPIRED = certify({ subject: "mx", dns: ["elsewhere.example"], days: -1 });
const VOUCHED = certify({ subject: "mx", dns: ["mx.anchor.example"], issuer: AUTHORITY });
const MISNAMED = certify({ subject: "mx", dns: ["mx.else.example"], issuer: AUTHORITY });

/** The data of a TLSA record of `certified`. */
function tlsa(kind: string, { certificate }: Certified): string {
  const [, selector, matching] = kind.split(" ");
  const { raw, publicKey } = new X509Certificate(certificate);
  const content = selector === "1" ? publicKey.export({ type: "spki", format: "der" }) : raw;
  if (matching === "0") return `TLSA ${kind} ${content.toString("hex")}`;
  const algorithm = matching === "1" ? "sha256" : "sha512";
  return `TLSA ${kind} ${createHash(algorithm).update(content).digest("hex")}`;
}

interface Case {
  /** The first label of its domain, of which `mx` is the exchanger. */
  readonly label: string;
  readonly what: string;
  readonly state?: Zone["state"];
  /** Of `_25._tcp.mx`, beside the usual ones of the zone. */
  readonly tlsa?: readonly string[];
  /** In place of the usual records of the exchanger. */
  readonly records?: readonly string[];
  readonly shows?: Certified;
  readonly isStripped?: true;
  readonly says: RegExp;
  readonly over?: "proven" | "encrypted" | "clear";
}

const DELIVERED = /^delivered /u;
const MISMATCH = /^deferred .*matches no TLSA record/u;

const CASES: readonly Case[] = [
  {
    label: "right",
    what: "a key that a signed record has",
    tlsa: [tlsa("3 1 1", OWN)],
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "exact",
    what: "a certificate that is in signed records too large for a datagram",
    tlsa: [
      tlsa("3 0 0", OTHER),
      tlsa("3 0 0", AUTHORITY),
      tlsa("3 0 0", VOUCHED),
      tlsa("3 0 0", OWN),
    ],
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "several",
    what: "a key that one of several signed records has",
    tlsa: [tlsa("3 1 1", OTHER), tlsa("3 1 2", OTHER), tlsa("3 1 2", OWN)],
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "mismatch",
    what: "another key than the signed record has",
    tlsa: [tlsa("3 1 1", OTHER)],
    says: MISMATCH,
  },
  {
    label: "insecure",
    what: "another key than the record of a zone that is not signed has",
    state: "unsigned",
    tlsa: [tlsa("3 1 1", OTHER)],
    says: DELIVERED,
    over: "encrypted",
  },
  {
    label: "bogus",
    what: "a key that a forged record has or has not",
    state: "forged",
    tlsa: [tlsa("3 1 1", OWN)],
    says: /^deferred 4\.7\.5 Temporary failure in TLSA lookup/u,
  },
  { label: "none", what: "no record in a signed zone", says: DELIVERED, over: "encrypted" },
  {
    label: "unusable",
    what: "records of no use",
    tlsa: [tlsa("1 1 1", OWN), tlsa("0 0 1", AUTHORITY)],
    says: DELIVERED,
    over: "encrypted",
  },
  {
    label: "useless",
    what: "records of no use, and STARTTLS that somebody took away",
    tlsa: [tlsa("1 1 1", OWN)],
    isStripped: true,
    says: /^deferred /u,
  },
  {
    label: "alias",
    what: "a key that the record of its alias's name has",
    records: ["mx CNAME real", "real A 127.0.0.1", `_25._tcp.real ${tlsa("3 1 1", OWN)}`],
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "leads-out",
    what: "another key than its record has, where an alias leads to a zone that is not signed",
    records: ["mx CNAME mx.insecure.example.", `_25._tcp.mx ${tlsa("3 1 1", OTHER)}`],
    says: MISMATCH,
  },
  {
    label: "expired",
    what: "a key that a signed record has, in a certificate that has expired and is for another name",
    tlsa: [tlsa("3 1 1", EXPIRED)],
    shows: EXPIRED,
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "stripped",
    what: "a signed record, and STARTTLS that somebody took away",
    tlsa: [tlsa("3 1 1", OWN)],
    isStripped: true,
    says: /^deferred /u,
  },
  {
    label: "anchor",
    what: "a certificate by the authority that a signed record has",
    tlsa: [tlsa("2 0 1", AUTHORITY)],
    shows: VOUCHED,
    says: DELIVERED,
    over: "proven",
  },
  {
    label: "misnamed",
    what: "a certificate for another name by the authority that a signed record has",
    tlsa: [tlsa("2 1 1", AUTHORITY)],
    shows: MISNAMED,
    says: MISMATCH,
  },
];

function zoneOf({
  label,
  state = "signed",
  tlsa: data = [],
  records,
}: Pick<Case, "label" | "state" | "tlsa" | "records">): Zone {
  const usual = ["mx A 127.0.0.1", ...data.map((each) => `_25._tcp.mx ${each}`)];
  return { name: `${label}.example`, state, records: ["@ MX 10 mx", ...(records ?? usual)] };
}

/** Relays to a server that shows what is given. */
async function deliver(t: TestContext, given: Case, resolver: string): Promise<Seen> {
  const { label, shows = OWN, isStripped } = given;
  const shown = { certificate: shows.certificate + AUTHORITY.certificate, key: shows.key };
  const { port } = await tlsSink(t, shown, isStripped ? "stripped" : "whole");
  return relayTo(t, `x@${label}.example`, { port, resolver });
}

type Seen = readonly [said: string, over: string];

/** @param at where port 25 is, and who is asked for the DNS. */
async function relayTo(
  t: TestContext,
  recipient: string,
  at: { readonly port: number; readonly resolver: string },
): Promise<Seen> {
  const events: Event[] = [];
  const relay = new Relay(
    {
      network: withSmtpAt(at.port, nodeNetwork()),
      clock: nodeClock(),
      random: nodeRandom(),
      resolver: nodeResolver({ servers: [at.resolver] }),
    },
    new Map([["out", relayAction("out")]]),
    relayParties(nodeTls(), { observe: (event) => events.push(event) }, OTHER.certificate),
  );
  t.after(() => relay.close());
  const [result] = await relay.attempt(taskOf([recipient], "Subject: x\r\n\r\nhello\r\n"));
  assert.ok(result);
  return [`${result.outcome} ${result.status} ${result.diagnostic}`, transportOf(events)];
}

test("DANE, with Postfix as the server", { skip: skip || unlessPostfix() }, async (t) => {
  await using scratch = new Scratch();
  const { folder } = scratch;
  writeFileSync(`${folder}/mx.pem`, OWN.key + OWN.certificate, { mode: 0o600 });
  const { server: resolver } = await SignedZones.start(scratch, [
    zoneOf({ label: "in", tlsa: [tlsa("3 1 1", OWN)] }),
    zoneOf({ label: "other", tlsa: [tlsa("3 1 1", OTHER)] }),
  ]);
  const { port } = await PostfixServer.start(scratch, [
    "smtpd_tls_security_level = may",
    `smtpd_tls_chain_files = ${folder}/mx.pem`,
  ]);
  const at = { port, resolver };
  const [said, over] = await relayTo(t, "anna@in.example", at);
  assert.match(said, /^handed-on .*Ok: queued/u);
  assert.equal(over, "proven");
  assert.match((await relayTo(t, "anna@other.example", at))[0], MISMATCH);
});

test("DANE, with a resolver that checks signatures", { skip }, async (t) => {
  await using scratch = new Scratch();
  const { server } = await SignedZones.start(scratch, CASES.map(zoneOf));
  for (const given of CASES) {
    const { what, says, over } = given;
    await t.test(`a server with ${what}: ${over ?? "nothing is sent"}`, async (each) => {
      const [said, went] = await deliver(each, given, server);
      assert.match(said, says);
      if (over !== undefined) assert.equal(went, over);
    });
  }
});
