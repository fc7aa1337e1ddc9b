import assert from "node:assert/strict";
import { test } from "node:test";
import { questionOf } from "#model/explanation.ts";
import type { Intake } from "#model/intake.ts";
import type { Resolution, Routing } from "#model/resolution.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { Explainer } from "./explainer.ts";

const CONFIG = configOf(
  "listen on 127.0.0.1 port 2525",
  'action "box" maildir "/mail/%{dest.user}" user vmail',
  'match from any for any action "box"',
);

const QUESTION = questionOf(["b@server.example"], {
  reversePath: "a@client.example",
  sizeBytes: 1000,
});

const NO_WAY_IN: Intake = { hasRoom: () => false, open: () => undefined };

function explainerOf(intake: Intake): Explainer {
  const world = new SimWorld(1);
  const { clock, random, resolver } = world.startProcess();
  const { users } = world;
  return new Explainer({ clock, random, resolver, users, intake });
}

test("few explanations are under way at once, and room comes back", async () => {
  const held: ((resolution: Resolution) => void)[] = [];
  const routing: Routing = { resolve: () => new Promise((resolve) => void held.push(resolve)) };
  const explainer = explainerOf({ ...NO_WAY_IN, hasRoom: () => true });
  const ask = (): ReturnType<Explainer["answer"]> =>
    explainer.answer(QUESTION, { config: CONFIG, routing });
  const asked = Array.from({ length: 4 }, ask);
  assert.deepEqual(await ask(), { kind: "explain-fault", why: "too many explanations at once" });
  while (held.length < asked.length) await Promise.resolve();
  for (const release of held) release({ kind: "unavailable", why: "a test says so" });
  for (const answer of await Promise.all(asked)) assert.equal(answer.kind, "explanation");
  held.length = 0;
  const again = ask();
  while (held.length === 0) await Promise.resolve();
  held[0]?.({ kind: "unavailable", why: "a test says so" });
  assert.equal((await again).kind, "explanation");
});

test("a queue without room refuses the sender, as it does a client's", async () => {
  const routing: Routing = { resolve: () => assert.fail("no recipient is to be asked about") };
  const answer = await explainerOf(NO_WAY_IN).answer(QUESTION, { config: CONFIG, routing });
  assert.ok(answer.kind === "explanation");
  assert.equal(answer.greeting.at(-1)?.reply.code, 452);
  assert.deepEqual(answer.recipients, []);
});
