/**
 * MTA-STS served over local HTTPS, in every mode: over which transport mail goes then.
 *
 * The relay, the keeper of policies and their client are the daemon's own on real sockets; the
 * ports 443 and 25 of the domain are free ones of 127.0.0.1.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { test, type TestContext } from "node:test";
import { ABSENT } from "#base/lookup.ts";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import { Relay } from "#engine/relay/relay.ts";
import { StsCache } from "#engine/sts/sts-cache.ts";
import { StsPolicies } from "#engine/sts/sts-policies.ts";
import type { Event } from "#model/events.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeHttp } from "#world/node/http.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { relayAction } from "#test/support/actions.ts";
import { certify, type Certified } from "#test/support/certificates.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { transportOf, withSmtpAt } from "#test/support/transport-seen.ts";
import { tlsSink } from "./tls-sink.ts";

const HTTPS_HOST = "mta-sts.far.example";
const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const MX = certify({ subject: "mx", dns: ["mx.far.example"], issuer: AUTHORITY });
const UNKNOWN = certify({ subject: "mx", dns: ["mx.far.example"] });
const MISNAMED = certify({ subject: "mx", dns: ["far.example"], issuer: AUTHORITY });
const WEB = certify({ subject: "web", dns: [HTTPS_HOST], issuer: AUTHORITY });
const OTHER_WEB = certify({ subject: "web", dns: ["www.far.example"], issuer: AUTHORITY });

interface Case {
  readonly what: string;
  readonly policy: string;
  readonly web?: { readonly shows?: Certified; readonly status?: number; readonly type?: string };
  /** Of the exchanger. */
  readonly shows?: Certified;
  readonly isStripped?: true;
  readonly tlsa?: Certified;
  readonly says: RegExp;
  readonly over?: "proven" | "encrypted" | "clear";
}

function policy(mode: string, host: string): string {
  return `version: STSv1\r\nmode: ${mode}\r\nmx: ${host}\r\nmax_age: 86400\r\n`;
}

const ENFORCED = policy("enforce", "mx.far.example");
const DELIVERED = /^delivered /u;
const UNVERIFIED = /^deferred .*not verified/u;

const CASES: readonly Case[] = [
  { what: "enforced, and kept", policy: ENFORCED, says: DELIVERED, over: "proven" },
  {
    what: "enforced for a pattern, and kept",
    policy: policy("enforce", "*.far.example"),
    says: DELIVERED,
    over: "proven",
  },
  {
    what: "enforced, and a certificate that nobody vouches for",
    policy: ENFORCED,
    shows: UNKNOWN,
    says: UNVERIFIED,
  },
  {
    what: "enforced, and a certificate for another name",
    policy: ENFORCED,
    shows: MISNAMED,
    says: UNVERIFIED,
  },
  {
    what: "enforced, and STARTTLS that somebody took away",
    policy: ENFORCED,
    isStripped: true,
    says: /^deferred /u,
  },
  {
    what: "enforced, and an MX that it has not",
    policy: policy("enforce", "*.elsewhere.example"),
    says: /^deferred 4\.7\.5 MX is not in the MTA-STS policy/u,
  },
  {
    what: "being tested, and a certificate that nobody vouches for",
    policy: policy("testing", "mx.far.example"),
    shows: UNKNOWN,
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "being tested, and an MX that it has not",
    policy: policy("testing", "mx.elsewhere.example"),
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "of mode none, and no STARTTLS",
    policy: policy("none", "mx.far.example"),
    isStripped: true,
    says: DELIVERED,
    over: "clear",
  },
  {
    what: "from a server with a certificate for another name",
    policy: ENFORCED,
    web: { shows: OTHER_WEB },
    shows: UNKNOWN,
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "behind a redirection",
    policy: ENFORCED,
    web: { status: 302 },
    shows: UNKNOWN,
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "that is a page",
    policy: ENFORCED,
    web: { type: "text/html" },
    shows: UNKNOWN,
    says: DELIVERED,
    over: "encrypted",
  },
  {
    what: "enforced, and a TLSA record of the key, which comes first",
    policy: ENFORCED,
    shows: UNKNOWN,
    tlsa: UNKNOWN,
    says: DELIVERED,
    over: "proven",
  },
  {
    what: "enforced and kept, and a TLSA record of another key, which comes first",
    policy: ENFORCED,
    tlsa: UNKNOWN,
    says: /^deferred .*matches no TLSA record/u,
  },
];

function keyRecord({ certificate }: Certified): TlsaRecord {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  const data = createHash("sha256").update(key).digest();
  return { usage: 3, selector: 1, matching: 1, data };
}

/** The port of a server of policies. */
async function serve(t: TestContext, { policy: text, web = {} }: Case): Promise<number> {
  const { shows = WEB, status = 200, type = "text/plain; charset=utf-8" } = web;
  const server = createServer({ cert: shows.certificate, key: shows.key }, (request, response) => {
    assert.equal(request.url, "/.well-known/mta-sts.txt");
    response.writeHead(status, { "content-type": type, location: "https://www.far.example/" });
    response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

const toLoopback: LookupFunction = (_, options, found) =>
  options.all === true
    ? found(null, [{ address: "127.0.0.1", family: 4 }])
    : found(null, "127.0.0.1", 4);

for (const given of CASES) {
  const { what, says, over, tlsa, shows = MX, isStripped } = given;
  test(`MTA-STS policy ${what}: ${over ?? "nothing is sent"}`, async (t) => {
    const resolver = new SimResolver({
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { "mx.far.example": ["127.0.0.1"] },
      texts: { "_mta-sts.far.example": ["v=STSv1; id=20261125;"] },
      tlsa: tlsa === undefined ? {} : { "_25._tcp.mx.far.example": [keyRecord(tlsa)] },
      signed: ["far.example", "*.far.example"],
    });
    const events: Event[] = [];
    const observe = (event: Event): number => events.push(event);
    const clock = nodeClock();
    const policies = new StsPolicies({
      clock,
      resolver,
      http: nodeHttp({
        ca: AUTHORITY.certificate,
        lookup: toLoopback,
        port: await serve(t, given),
      }),
      cache: new StsCache(nodeFiles(), undefined),
      observe,
      failed: () => undefined,
    });
    const askSts = async (domain: string) => {
      const value = await policies.policyOf(domain);
      return value === undefined ? ABSENT : ({ kind: "found", value } as const);
    };
    const { port } = await tlsSink(t, shows, isStripped ? "stripped" : "whole");
    const relay = new Relay(
      { network: withSmtpAt(port, nodeNetwork()), clock, random: nodeRandom(), resolver },
      new Map([["out", relayAction("out")]]),
      relayParties(nodeTls(), { observe, askSts }, AUTHORITY.certificate),
    );
    t.after(() => relay.close());
    const [result] = await relay.attempt(taskOf(["x@far.example"], "Subject: x\r\n\r\nhello\r\n"));
    assert.ok(result);
    assert.match(`${result.outcome} ${result.status} ${result.diagnostic}`, says);
    if (over !== undefined) assert.equal(transportOf(events), over);
  });
}
