/** The servers of far-side.test.ts: one kind of trouble for each domain, most of it over soon. */
import type { TlsServer } from "#base/ports/tls.ts";
import { certify } from "#test/support/certificates.ts";
import type { HostPlan, SitePlan } from "#test/support/far-side/far-side.ts";
import type { Deed, Stage, Trouble } from "#test/support/far-side/trouble.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { nodeTls } from "#world/node/tls/tls.ts";

/** How long troubles last that pass. */
const SOON_MS = 8000;
const GREYLIST_MS = 3000;

function at(stage: Stage, deed: Deed, fields: Partial<Trouble> = {}): Trouble {
  return { stage, deed, recurs: "at-random", lastsMs: SOON_MS, ...fields };
}

function refusing(...stages: readonly (readonly [Stage, number])[]): readonly Trouble[] {
  return stages.map(([stage, code]) => at(stage, { kind: "reply", code }));
}

const REPLIES: readonly Stage[] = ["banner", "ehlo", "mail", "rcpt", "data", "taken", "quit"];
const BREAKS = ["close", "half-close", "reset", "cut"] as const;

/** By domain: what is wrong with each of its servers. */
const SITES: Readonly<Record<string, readonly (readonly Trouble[])[]>> = {
  good: [[]],
  greylist: [[]],
  fickle: [[at("banner", { kind: "reset" }, { recurs: "every-second" })]],
  // One of three is bad for good.
  three: [
    [at("banner", { kind: "reply", code: 554 }, { recurs: "always", lastsMs: Infinity })],
    [],
    [],
  ],
  refusing: [
    refusing(
      ["ehlo", 451],
      ["mail", 451],
      ["rcpt", 450],
      ["data", 451],
      ["dot", 452],
      ["rset", 500],
    ),
  ],
  final: [refusing(["mail", 550], ["rcpt", 550], ["data", 554], ["text", 552], ["dot", 554])],
  closing: [refusing(["banner", 421], ["mail", 421], ["rcpt", 421], ["data", 421], ["dot", 421])],
  tarpit: [REPLIES.map((stage) => at(stage, { kind: "drip", delayMs: 5 }, { lastsMs: Infinity }))],
  breaking: [
    (["ehlo", "mail", "rcpt", "data", "text", "dot"] as const).flatMap((stage, nth) =>
      stage === "text"
        ? [at(stage, { kind: "close" })]
        : [at(stage, { kind: BREAKS[nth % BREAKS.length] ?? "close" })],
    ),
  ],
  garbage: [
    (["mail", "rcpt", "data", "dot"] as const).map((stage) =>
      at(stage, { kind: "garbage", octets: "\x00\xff hello\r\n" }),
    ),
  ],
  mute: [[at("taken", { kind: "reset" }), at("taken", { kind: "cut" })]],
  tls: [
    [
      at("starttls", { kind: "reply", code: 454 }),
      at("handshake", { kind: "garbage", octets: "no" }),
    ],
  ],
};
export const SITE_NAMES: readonly string[] = Object.keys(SITES);

/** Routes of one address are put aside together, so each server has one of its own. */
export function sitePlans(): readonly SitePlan[] {
  let addresses = 1;
  return Object.entries(SITES).map(([name, servers]) => ({
    domains: [`${name}.example`],
    naming: { kind: "named" },
    greylist: name === "greylist" ? { delayMs: GREYLIST_MS } : undefined,
    hosts: servers.map(
      (troubles, nth): HostPlan => ({
        name: `mx${nth}.${name}.example`,
        preference: 10,
        addresses: [`127.0.0.${++addresses}`],
        port: 0,
        troubles,
        extensions: nth % 2 === 0 ? ["PIPELINING", "SIZE 10000000"] : ["8BITMIME"],
        isWordy: name === "final",
        speaksTls: name === "tls",
      }),
    ),
  }));
}

/** A certificate that nobody vouches for. */
export function tlsOf(name: string): TlsServer {
  const { certificate, key } = certify({ subject: name, dns: [name] });
  return tlsServer(nodeTls(), { name, certificate, key });
}
