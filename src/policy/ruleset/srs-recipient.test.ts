import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT } from "#base/lookup.ts";
import { encodeSrs } from "#protocols/mail/srs.ts";
import type { Reason } from "#model/reason.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { configOf } from "#test/support/config-of.ts";
import { createRouting } from "./routing.ts";

const NOW_MS = Date.UTC(2026, 10, 25);
const DAY_MS = 86_400_000;
const USERS = { lookup: async () => ABSENT } as const;

const CONFIG = configOf(
  "listen on socket",
  'srs key "now"',
  'srs key backup "before"',
  "action out relay srs",
  "match from any for domain here.example reject",
  "match from local for any action out",
);

function madeWith(key: string, ageDays = 0): string {
  return encodeSrs("ann@away.example", "here.example", { key, nowMs: NOW_MS - ageDays * DAY_MS });
}

interface Answer {
  readonly resolution: Resolution;
  readonly told: readonly Reason[];
}

async function answer(forwardPath: string, reversePath = ""): Promise<Answer> {
  const clock = { wallMs: () => NOW_MS };
  const routing = createRouting(CONFIG, { users: USERS, clock });
  const origin = {
    kind: "smtp",
    address: "203.0.113.9",
    hostname: "x",
    helo: "x",
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  } as const;
  const query: RecipientQuery = { origin, via: "tcp", tls: false, reversePath, forwardPath };
  const told: Reason[] = [];
  const resolution = await routing.resolve(query, (step) => void told.push(step));
  return { resolution, told };
}

for (const [name, address] of [
  ["the key", madeWith("now")],
  ["the key before it", madeWith("before")],
  ["the key, days ago", madeWith("now", 4)],
] as const) {
  test(`a report to a sender rewritten with ${name} goes to the sender, as mail of this machine`, async () => {
    const { resolution, told } = await answer(address);
    assert.ok(resolution.kind === "accepted");
    assert.deepEqual(
      resolution.envelopes.map(({ destination, action }) => [destination, action]),
      [["ann@away.example", "out"]],
    );
    assert.deepEqual(told[0], { kind: "srs", address: "ann@away.example", why: "" });
  });
}

for (const [name, address, reversePath] of [
  ["whose signature is wrong", madeWith("other"), ""],
  ["that is too old", madeWith("now", 5), ""],
  ["in mail that is no report", madeWith("now"), "eve@evil.example"],
] as const) {
  test(`an address of SRS ${name} is judged as it stands`, async () => {
    const { resolution } = await answer(address, reversePath);
    assert.equal(resolution.kind, "rejected");
  });
}
