/**
 * A whole mail system on virtual time, and far.example, a domain with a policy of MTA-STS and one
 * server without TLS.
 */
import assert from "node:assert/strict";
import type { Http } from "#base/ports/http.ts";
import { type MailSystem, startMailSystem } from "#processes/one-process.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { Sink } from "#test/support/sink.ts";

const START_MS = 60_000;
/** Of its configuration. */
export const LINES: readonly string[] = [
  "listen on 127.0.0.1 port 587",
  'action "out" relay',
  'match from any for any action "out"',
];

export interface PolicyStage {
  readonly world: SimWorld;
  readonly system: MailSystem;
  readonly log: readonly string[];
  /** URLs, in order. */
  readonly fetched: readonly string[];
  /** The server of far.example. */
  readonly sink: Sink;
}

/** The policy, as its web server has it. */
export function policyText(mode: string, mx: string): string {
  return `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;
}

/** @param lines of the configuration, beside LINES. */
export async function startedWithPolicy(
  policy: string,
  ...lines: readonly string[]
): Promise<PolicyStage> {
  const world = new SimWorld(1, {
    zone: {
      mx: { "far.example": [{ preference: 10, exchange: "mx.far.example" }] },
      addresses: { "mx.far.example": ["192.0.2.7"] },
      texts: {
        "_mta-sts.far.example": ["v=STSv1; id=1"],
        "_smtp._tls.far.example": ["v=TLSRPTv1; rua=mailto:reports@far.example"],
      },
    },
  });
  await world.disk.files().makeFolder("/spool", 0o700);
  const sink = new Sink();
  await sink.listen(world.network, { kind: "tcp", host: "192.0.2.7", port: 25 });
  const log: string[] = [];
  const fetched: string[] = [];
  const http: Http = {
    get: async ({ url }) => {
      fetched.push(url);
      return { kind: "answer", body: Buffer.from(policy) };
    },
    post: () => assert.fail("nothing is posted"),
  };
  const system = await world.clock.runUntilSettled(
    startMailSystem(
      { users: world.users, http, startPart: () => world.startProcess() },
      {
        config: configOf(...LINES, ...lines),
        spool: "/spool",
        controlSocket: "/control.sock",
        hostname: "host",
        log: (line) => log.push(line),
      },
    ),
    START_MS,
  );
  assert.ok(typeof system !== "string", "it has started");
  return { world, system, log, fetched, sink };
}
