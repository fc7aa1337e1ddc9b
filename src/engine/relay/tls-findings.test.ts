import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ABSENT, type Lookup } from "#base/lookup.ts";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import type { RelayAction } from "#model/config/action.ts";
import { parseRelayUrl } from "#model/config/relay-url.ts";
import { NO_TERMS, type TlsTerm } from "#model/envelope.ts";
import type { TlsSession } from "#model/tls-session.ts";
import type { SimZone } from "#world/sim/resolver.ts";
import { SimWorld } from "#world/sim/world.ts";
import { relayAction } from "#test/support/actions.ts";
import { taskOf } from "#test/support/deliveries.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { Sink } from "#test/support/sink.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { finding, isReported, NOTHING_PROMISED } from "./tls-findings.ts";
import { hostsOf } from "./next-hops.ts";
import { Relay } from "./relay.ts";

const DAY_MS = 86_400_000;
const TLSA_NAME = "_25._tcp.mx.far.example";
const KNOWN = "names=mx.far.example";

function keyRecord(certificate: string, usage = 3): TlsaRecord {
  const data = createHash("sha256").update(`key of ${certificate}`).digest();
  return { usage, selector: 1, matching: 1, data };
}

const SIGNED = ["*.far.example", "far.example"];
const RIGHT = keyRecord(KNOWN);
const WRONG = keyRecord("names=other");

function policy(mode: StsPolicy["mode"], ...hosts: readonly string[]): StsPolicy {
  return { mode, hosts, maxAgeSeconds: 86_400 };
}

interface Case {
  readonly what: string;
  readonly zone?: SimZone;
  readonly sts?: StsPolicy;
  readonly action?: Partial<RelayAction>;
  /** What the server shows; it offers no STARTTLS where there is none. */
  readonly shows?: string;
  readonly tls?: TlsTerm;
  /** Type of the policy, domain of it, and what went wrong: none, if TLS did as it should. */
  readonly counted: string;
}

const CASES: readonly Case[] = [
  {
    what: "nothing promised and any certificate",
    shows: "names=x",
    counted: "no-policy-found far.example",
  },
  {
    what: "nothing promised and no TLS",
    counted: "no-policy-found far.example starttls-not-supported",
  },
  {
    what: "a TLSA record that is right",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    shows: KNOWN,
    counted: "tlsa mx.far.example",
  },
  {
    what: "a TLSA record that is wrong",
    zone: { tlsa: { [TLSA_NAME]: [WRONG] }, signed: SIGNED },
    shows: KNOWN,
    counted: "tlsa mx.far.example certificate-not-trusted (matches no TLSA record)",
  },
  {
    what: "a TLSA record and no TLS",
    zone: { tlsa: { [TLSA_NAME]: [RIGHT] }, signed: SIGNED },
    counted: "tlsa mx.far.example starttls-not-supported",
  },
  {
    what: "TLSA records of no use",
    zone: { tlsa: { [TLSA_NAME]: [keyRecord(KNOWN, 1)] }, signed: SIGNED },
    shows: KNOWN,
    counted: "tlsa mx.far.example tlsa-invalid (no record is of use)",
  },
  {
    what: "TLSA records that nobody can ask for",
    zone: { unavailable: [TLSA_NAME], signed: SIGNED },
    shows: KNOWN,
    counted: "tlsa mx.far.example dnssec-invalid (no answer that is valid) unconnected",
  },
  {
    what: "MTA-STS that is enforced, and kept to",
    sts: policy("enforce", "*.far.example"),
    shows: KNOWN,
    counted: "sts far.example",
  },
  {
    what: "MTA-STS that is enforced, and another name",
    sts: policy("enforce", "mx.far.example"),
    shows: "names=other.example",
    counted: "sts far.example certificate-host-mismatch (ERR_TLS_CERT_ALTNAME_INVALID)",
  },
  {
    what: "MTA-STS that is enforced, and STARTTLS that somebody took away",
    sts: policy("enforce", "mx.far.example"),
    counted: "sts far.example starttls-not-supported",
  },
  {
    what: "MTA-STS that is enforced, of another exchanger",
    sts: policy("enforce", "mx2.far.example"),
    shows: KNOWN,
    counted: "sts far.example validation-failure (MX is not in the policy) unconnected",
  },
  {
    what: "MTA-STS that is tested, and kept to",
    sts: policy("testing", "mx.far.example"),
    shows: KNOWN,
    counted: "sts far.example",
  },
  {
    what: "MTA-STS that is tested, and another name",
    sts: policy("testing", "mx.far.example"),
    shows: "names=other.example",
    counted: "sts far.example certificate-host-mismatch (ERR_TLS_CERT_ALTNAME_INVALID) delivered",
  },
  {
    what: "MTA-STS that is tested, and no TLS",
    sts: policy("testing", "mx.far.example"),
    counted: "sts far.example starttls-not-supported delivered",
  },
  {
    what: "MTA-STS that is tested, of another exchanger",
    sts: policy("testing", "mx2.far.example"),
    shows: KNOWN,
    counted: "sts far.example validation-failure (MX is not in the policy) delivered",
  },
  {
    what: "MTA-STS that is given up",
    sts: policy("none"),
    shows: KNOWN,
    counted: "no-policy-found far.example",
  },
  {
    what: "an action that requires TLS by itself",
    action: { tls: "unverified" },
    sts: policy("testing", "mx.far.example"),
    shows: KNOWN,
    counted: "nothing",
  },
  {
    what: "mail to which policies do not matter",
    tls: "optional",
    sts: policy("enforce", "mx2.far.example"),
    shows: "names=other.example",
    counted: "nothing",
  },
];

async function relay(given: Case): Promise<readonly [TlsSession[], outcome: string]> {
  const { zone = {}, sts, shows } = given;
  const world = new SimWorld(1, {
    zone: {
      ...zone,
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { "mx.far.example": ["192.0.2.7"] },
    },
  });
  const { network, clock, random, resolver, tls } = world;
  const server = tlsServer(tls, { certificate: shows ?? "" });
  const extensions = shows === undefined ? [] : ["STARTTLS"];
  const sink = new Sink({ extensions, tls: { server, start: "starttls" } });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const counted: TlsSession[] = [];
  const found: Lookup<StsPolicy> = sts === undefined ? ABSENT : { kind: "found", value: sts };
  const parties = relayParties(
    tls,
    { askSts: async () => found, countTls: (session) => counted.push(session) },
    `${KNOWN} names=other.example`,
  );
  const carrier = new Relay(
    { network, clock, random, resolver },
    new Map([["out", relayAction("out", given.action)]]),
    parties,
  );
  const task = taskOf(["x@Far.example"], "Subject: x\r\n\r\nhello\r\n");
  const terms = { ...NO_TERMS, tls: given.tls ?? "by-policy" };
  const message = { ...task.message, terms };
  const attempts = [1, 2].map(() => carrier.attempt({ ...task, message }));
  const [[result] = [], [second] = []] = await clock.runUntilSettled(Promise.all(attempts), DAY_MS);
  assert.equal(result?.outcome, second?.outcome);
  return [counted, result?.outcome ?? "none"];
}

function words({ policy: { type, domain }, failure }: TlsSession): string {
  if (failure === undefined) return `${type} ${domain}`;
  assert.equal(failure.mxHost, "mx.far.example");
  const reason = failure.reason === "" ? "" : ` (${failure.reason})`;
  const isConnected = failure.receivingIp === "192.0.2.7" && failure.sendingIp !== "";
  return `${type} ${domain} ${failure.type}${reason}${isConnected ? "" : " unconnected"}`;
}

for (const given of CASES) {
  const { what, counted } = given;
  test(`TLS with a server of a domain with ${what} counts as ${counted}`, async () => {
    const [sessions, outcome] = await relay(given);
    const [first, ...others] = sessions.map(words);
    // Two messages at once are two connections, or two attempts that came to none.
    assert.ok(others.every((other) => other === first));
    assert.equal(first ?? "nothing", counted.replace(/ delivered$/u, ""));
    if (counted.endsWith(" delivered")) assert.equal(outcome, "delivered");
    assert.ok(sessions.every(({ domain }) => domain === "far.example"));
  });
}

test("a message over a connection that is kept counts no session", async () => {
  const world = new SimWorld(1, { zone: { addresses: { "far.example": ["192.0.2.7"] } } });
  const { network, clock, random, resolver, tls } = world;
  const sink = new Sink({ extensions: [] });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  let counted = 0;
  const carrier = new Relay(
    { network, clock, random, resolver },
    new Map([["out", relayAction("out")]]),
    relayParties(tls, {
      countTls: () => {
        counted++;
      },
    }),
  );
  for (let at = 0; at < 3; at++) {
    const task = taskOf(["x@far.example"], "Subject: x\r\n\r\nhello\r\n");
    await clock.runUntilSettled(carrier.attempt(task), 1000);
  }
  assert.equal(counted, 1);
});

test("nothing is counted of an address literal, which is nobody's domain", async () => {
  const world = new SimWorld(1);
  const { network, clock, random, resolver, tls } = world;
  const sink = new Sink({ extensions: [] });
  await sink.listen(network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const counted: TlsSession[] = [];
  const carrier = new Relay(
    { network, clock, random, resolver },
    new Map([["out", relayAction("out")]]),
    relayParties(tls, { countTls: (session) => counted.push(session) }),
  );
  const task = taskOf(["x@[192.0.2.7]"], "Subject: x\r\n\r\nhello\r\n");
  const [result] = await clock.runUntilSettled(carrier.attempt(task), 1000);
  assert.equal(result?.outcome, "delivered");
  assert.deepEqual(counted, []);
});

test("who promises nothing is told of if it is a server of SMTP that has a name", () => {
  const reported = ["far.example", "192.0.2.7", "lmtp://far.example:24", "unix:/run/out"].filter(
    (url) => {
      const host = parseRelayUrl(url);
      assert.ok(!("reason" in host), url);
      const { hops } = hostsOf([host], 0);
      return hops.some((hop) => isReported({ hop, promised: NOTHING_PROMISED }));
    },
  );
  assert.deepEqual(reported, ["far.example"]);
});

test("what a stranger says is bounded, and has no line end", () => {
  const { reason } = finding("validation-failure", `a\r\nb${"é".repeat(4)}${"x".repeat(500)}`);
  assert.match(reason, /^a b x{124}$/u);
});
