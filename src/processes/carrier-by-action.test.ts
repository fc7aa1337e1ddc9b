import assert from "node:assert/strict";
import { test } from "node:test";
import type { Carrier } from "#model/delivery.ts";
import { configOf } from "#test/support/config-of.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import { deferAll } from "./attempt-sender.ts";
import { actionsOfKind, CarrierByAction } from "./carrier-by-action.ts";

const { actions } = configOf(
  'action "box" maildir',
  'action "over" lmtp "/run/lmtp.sock"',
  'action "spool" mbox',
  'action "run" mda "/bin/true"',
  'action "home" lmtp "~/lmtp.sock"',
  'action "out" relay',
  'action "none" expand-only',
  'match from any for any action "box"',
);

function naming(name: string): Carrier {
  return { attempt: async (task) => deferAll(task, "4.0.0", name) };
}

const carrier = new CarrierByAction(actions, {
  agents: naming("agents"),
  lmtp: naming("lmtp"),
  relay: naming("relay"),
});

for (const [action, kind] of [
  ["box", "agents"],
  ["spool", "agents"],
  ["run", "agents"],
  ["home", "agents"],
  ["over", "lmtp"],
  ["out", "relay"],
] as const) {
  test(`an envelope of action ${action} goes to ${kind}`, async () => {
    const [result] = await carrier.attempt(taskOf(localEnvelope("0000000a", action, "ann")));
    assert.equal(result?.diagnostic, kind);
  });
}

test("a command that a list names goes to an agent, whatever the action's own method is", async () => {
  const envelope = localEnvelope("0000000a", "over", "ann");
  const listed = { kind: "pipe", text: "/bin/true" } as const;
  const transport = { kind: "mda", user: "ann", extension: "", listed } as const;
  const [result] = await carrier.attempt(taskOf({ ...envelope, transport }));
  assert.equal(result?.diagnostic, "agents");
});

test("an action whose kind delivers nothing keeps its mail waiting, and says so", async () => {
  const [result] = await carrier.attempt(taskOf(localEnvelope("0000000a", "none", "ann")));
  assert.equal(result?.outcome, "deferred");
  assert.equal(result?.diagnostic, "Nothing delivers by 'expand-only'");
});

test("an action that the configuration no longer has keeps its mail waiting, and says so", async () => {
  for (const action of ["gone", "__proto__", ""]) {
    const [result] = await carrier.attempt(taskOf(localEnvelope("0000000a", action, "ann")));
    assert.equal(result?.outcome, "deferred");
    assert.match(result.diagnostic, /^No action named "/u);
  }
});

test("actions are told apart by their kind", () => {
  assert.deepEqual([...actionsOfKind(actions, "relay").keys()], ["out"]);
  assert.deepEqual([...actionsOfKind(actions, "maildir").keys()], ["box"]);
  assert.deepEqual([...actionsOfKind(new Map(), "lmtp").keys()], []);
});
