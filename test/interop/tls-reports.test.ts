/**
 * TLS reports with unbound as the resolver and zones that are signed: sessions over real
 * sockets are counted, kept in files, and told to a web server and by mail, which arrives at
 * the server whose records it fails.
 *
 * All parts are the daemon's own; ports 443 and 25 of the domains are free ones of 127.0.0.1.
 * The day ends by hand, as `smtpctl send tls-reports` has it end.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { simpleParser } from "mailparser";
import { Relay } from "#engine/relay/relay.ts";
import { ReportDays } from "#engine/tls-reports/report-days.ts";
import { postReport } from "#engine/tls-reports/report-post.ts";
import { ReportStore } from "#engine/tls-reports/report-store.ts";
import { SessionTally } from "#engine/tls-reports/session-tally.ts";
import type { Event } from "#model/events.ts";
import type { Routing } from "#model/resolution.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeHttp } from "#world/node/http.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import { nodeTls } from "#world/node/tls/tls.ts";
import { relayAction } from "#test/support/actions.ts";
import { certify, type Certified } from "#test/support/certificates.ts";
import { taskOf, textOf } from "#test/support/deliveries.ts";
import { MemoryIntake } from "#test/support/memory-intake.ts";
import { relayParties } from "#test/support/relay-parties.ts";
import { withSmtpAt } from "#test/support/transport-seen.ts";
import { Daemon, unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";
import { SignedZones, unlessSignedZones, type Zone } from "./signed-zones.ts";
import { tlsSink } from "./tls-sink.ts";

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const MX = certify({ subject: "mx", dns: ["mx.right.example"] });
const OTHER = certify({ subject: "other" });
const WEB = certify({ subject: "web", dns: ["reports.right.example"], issuer: AUTHORITY });

function tlsa({ certificate }: Certified): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return `3 1 1 ${createHash("sha256").update(key).digest("hex")}`;
}

const RUA = {
  right: "https://reports.right.example/v1",
  wrong: "mailto:tls@wrong.example",
} as const;

function zoneOf(label: keyof typeof RUA, record: string): Zone {
  return {
    name: `${label}.example`,
    state: "signed",
    records: [
      "@ MX 10 mx",
      "mx A 127.0.0.1",
      `_25._tcp.mx TLSA ${record}`,
      `_smtp._tls TXT "v=TLSRPTv1; rua=${RUA[label]}"`,
    ],
  };
}

interface Received {
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** A web server that takes reports. */
async function serve(t: TestContext, received: Received[]): Promise<number> {
  const server = createServer({ cert: WEB.certificate, key: WEB.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ type: request.headers["content-type"], body: Buffer.concat(chunks) });
      response.writeHead(201).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

/** All goes out by the one relay. */
const ROUTING: Routing = {
  resolve: ({ forwardPath }) => ({
    kind: "accepted",
    envelopes: [
      {
        destination: forwardPath,
        action: "out",
        transport: { kind: "mta" },
        rule: "smtpd.conf:1",
        trail: [],
        ttlMs: 60_000,
      },
    ],
  }),
};

interface Report {
  readonly policies: readonly {
    readonly policy: Readonly<Record<string, unknown>>;
    readonly summary: Readonly<Record<string, number>>;
    readonly "failure-details"?: readonly Readonly<Record<string, unknown>>[];
  }[];
}

function read(gzip: Buffer | undefined): Report {
  assert.ok(gzip);
  return JSON.parse(gunzipSync(gzip).toString()) as Report;
}

test("TLS reports reach a web server, and a mail server that its records contradict", {
  skip: unlessSignedZones(),
}, async (t) => {
  await using scratch = new Scratch();
  const { server } = await SignedZones.start(scratch, [
    zoneOf("right", tlsa(MX)),
    zoneOf("wrong", tlsa(OTHER)),
  ]);
  const received: Received[] = [];
  const events: Event[] = [];
  const observe = (event: Event): number => events.push(event);
  const clock = nodeClock();
  const random = nodeRandom();
  const resolver = nodeResolver({ servers: [server] });
  const kept = `${scratch.folder}/kept`;
  mkdirSync(kept, { mode: 0o700 });
  const intake = new MemoryIntake("");
  const { sink, port } = await tlsSink(t, MX);
  const from = { serverName: "mx.our.example", contact: "tls@our.example" };
  const days = new ReportDays({
    clock,
    random,
    resolver,
    observe,
    store: new ReportStore(nodeFiles(), kept),
    http: nodeHttp({
      ca: AUTHORITY.certificate,
      lookup: (_, options, found) =>
        options.all === true
          ? found(null, [{ address: "127.0.0.1", family: 4 }])
          : found(null, "127.0.0.1", 4),
      port: await serve(t, received),
    }),
    post: (letter) =>
      postReport({ clock, random, routing: ROUTING, intake, observe }, from, letter),
  });
  days.takeUp({ ...from, organization: "Ours" });
  t.after(() => days.stop());
  const tally = new SessionTally(clock, (sessions) => {
    days.count(sessions);
    return true;
  });
  const relay = new Relay(
    { network: withSmtpAt(port, nodeNetwork()), clock, random, resolver },
    new Map([["out", relayAction("out")]]),
    relayParties(nodeTls(), { observe, countTls: (session) => tally.add(session) }),
  );
  t.after(() => relay.close());
  for (const domain of ["right.example", "wrong.example"])
    await relay.attempt(taskOf([`x@${domain}`], "Subject: x\r\n\r\nhello\r\n"));
  assert.equal(sink.messages.length, 1, "the wrong record keeps mail back");
  tally.close();
  await days.stop();
  assert.equal(readdirSync(kept).length, 2);
  days.sendNow();
  await until(() => received.length === 1 && intake.kept.length === 1, "both reports");

  const [posted] = received;
  assert.equal(posted?.type, "application/tlsrpt+gzip");
  assert.deepEqual(read(posted.body).policies, [
    {
      policy: {
        "policy-type": "tlsa",
        "policy-string": [tlsa(MX)],
        "policy-domain": "mx.right.example",
      },
      summary: { "total-successful-session-count": 1, "total-failure-session-count": 0 },
    },
  ]);

  const [letter] = intake.kept;
  assert.ok(letter);
  const { message, envelopes, text } = letter;
  const task = { message, envelopes, text: textOf(text.toString("latin1")) };
  const [result] = await relay.attempt({ ...taskOf([], ""), ...task });
  assert.ok(result);
  assert.equal(result.outcome, "delivered", result.diagnostic);
  const [, arrived] = sink.messages;
  assert.ok(arrived);
  const mail = await simpleParser(Buffer.from(arrived.text));
  const [found, ...others] = read(mail.attachments[0]?.content).policies;
  assert.equal(others.length, 0);
  const [failure] = found?.["failure-details"] ?? [];
  assert.deepEqual(
    [failure?.["result-type"], failure?.["receiving-mx-hostname"], failure?.["receiving-ip"]],
    ["certificate-not-trusted", "mx.wrong.example", "127.0.0.1"],
  );
  // The report itself was no session that anybody is told of.
  tally.close();
  await until(() => readdirSync(kept).length === 0, "end of both days");
});

const CTL = new URL("../../bin/smtpctl", import.meta.url).pathname;
const RULES = ['action "out" relay', 'match from any for domain nowhere.example action "out"'];

test("smtpctl send tls-reports asks the running daemon, which says if there are none", {
  skip: await unlessStartable(),
}, async () => {
  await using scratch = new Scratch();
  await Daemon.start(scratch, ['mta tls-report from "tls@our.example"', ...RULES]);
  const order = [CTL, "--state", `${scratch.folder}/state`, "send", "tls-reports"];
  const { code, output } = await run(order);
  assert.deepEqual([code, output], [0, "command succeeded\n"]);
  await using plain = new Scratch();
  await Daemon.start(plain, RULES);
  const refused = await run([CTL, "--state", `${plain.folder}/state`, "send", "tls-reports"]);
  assert.equal(refused.code, 1);
  assert.match(refused.output, /no TLS reports are configured/u);
});
