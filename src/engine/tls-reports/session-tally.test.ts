import assert from "node:assert/strict";
import { test } from "node:test";
import type { CountedSessions, TlsSession } from "#model/tls-session.ts";
import { MAX_SESSIONS_A_FRAME } from "#model/ipc/tls-report-link.ts";
import { SimClock } from "#world/sim/clock.ts";
import { MAX_KINDS, SessionTally, TALLY_MS } from "./session-tally.ts";

function session(domain: string): TlsSession {
  const policy = { type: "no-policy-found", domain, strings: [], mxHosts: [] } as const;
  return { domain, policy, failure: undefined };
}

class Scene {
  readonly clock = new SimClock();
  readonly handed: (readonly CountedSessions[])[] = [];
  isThere = true;
  readonly tally: SessionTally = new SessionTally(this.clock, (sessions) => {
    if (this.isThere) this.handed.push(sessions);
    return this.isThere;
  });
}

test("sessions that are alike are handed on as one, once in a while", async () => {
  const { clock, handed, tally } = new Scene();
  for (const domain of ["a.example", "b.example", "a.example"]) tally.add(session(domain));
  assert.equal(handed.length, 0);
  await clock.advance(TALLY_MS);
  const sums = handed.map((frame) => frame.map(({ domain, sessions }) => [domain, sessions]));
  assert.deepEqual(sums, [
    [
      ["a.example", 2],
      ["b.example", 1],
    ],
  ]);
  await clock.advance(10 * TALLY_MS);
  assert.equal(handed.length, 1);
});

test("many go in several frames; while nobody takes them they wait, and are bounded", async () => {
  const scene = new Scene();
  scene.isThere = false;
  for (let at = 0; at < MAX_KINDS + 100; at++) scene.tally.add(session(`d${at}.example`));
  await scene.clock.advance(5 * TALLY_MS);
  scene.isThere = true;
  await scene.clock.advance(TALLY_MS);
  assert.equal(scene.handed.length, MAX_KINDS / MAX_SESSIONS_A_FRAME);
  assert.ok(scene.handed.every(({ length }) => length === MAX_SESSIONS_A_FRAME));
});

test("what is there at the end is handed on then, and no timer is left", async () => {
  const scene = new Scene();
  scene.tally.add(session("a.example"));
  scene.tally.close();
  assert.equal(scene.handed.length, 1);
  await scene.clock.advance(10 * TALLY_MS);
  assert.equal(scene.handed.length, 1);
});
