import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { FakeChild, type FakeEnd } from "#test/support/fake-child.ts";
import { SimUsers } from "#world/sim/users.ts";
import { SimWorld } from "#world/sim/world.ts";
import { AgentPool, type PooledAgent } from "./agent-pool.ts";
import { DeliveryRights } from "./delivery-rights.ts";

const CONFIG = configOf('action "run" mda "/usr/bin/sort"', 'match for any action "run"');
const ANN = { name: "ann", uid: 1001, gid: 1001, home: "/home/ann" };

test("an agent that asks and does not read the answers is killed: nothing gathers in the parent", async () => {
  const { clock, random, disk } = new SimWorld(1);
  const alerts: string[] = [];
  const child = new FakeChild();
  const rights = new DeliveryRights<FakeEnd>(
    { clock, random, files: disk.files(), users: new SimUsers([ANN]) },
    { isRoot: true, accounts: new Map() },
    { config: () => CONFIG, askLookup: () => undefined, alert: (text) => alerts.push(text) },
  );
  const pool = new AgentPool<FakeEnd>(clock, {
    maxAgents: () => 1,
    launch: () => child,
    slice: () => EMPTY_SLICE,
    message: (message, from: PooledAgent<FakeEnd>) => void rights.agentSays(message, from),
    gone: (gone) => void rights.agentGone(gone),
    warn: () => undefined,
  });
  pool.agentOf(ANN, 0);
  child.says({ kind: "ready" });
  const wanted = {
    action: "run",
    user: "ann",
    sender: "",
    rcpt: "",
    dest: "",
    listed: undefined,
    trail: [],
  };
  child.says({ kind: "warrant-wanted", request: 1, wanted });
  await clock.settle();
  assert.deepEqual(
    child.told.map(({ kind }) => kind),
    ["configure", "warrant"],
  );
  child.congested = true;
  child.says({ kind: "warrant-wanted", request: 2, wanted });
  await clock.settle();
  assert.deepEqual(child.signals, ["SIGKILL"]);
  assert.deepEqual(alerts, ["agent ann asks and does not read the answers: killed"]);
  assert.equal(child.told.filter(({ kind }) => kind === "warrant").length, 1);
});
