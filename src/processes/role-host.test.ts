import { NO_TLS_MATERIAL } from "#model/tls-material.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildToParent, ParentToChild, Slice } from "#model/ipc/parent-link.ts";
import { serialiseConfig } from "#model/config/serialise.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { memoryLinks } from "#test/support/memory-links.ts";
import type { Defer, Link } from "./channel.ts";
import type { Joined, Prepared, RolePorts, RoleSetting, RunningRole } from "./role.ts";
import { RoleHost } from "./role-host.ts";
import { CHILD_SIDE } from "./shapes.ts";

const CONFIG = configOf('action "box" maildir', 'match from any for any action "box"');

const SLICE: Slice = { ...EMPTY_SLICE, config: serialiseConfig(CONFIG) };

/** A host whose role starts when the test says so, and the parent's end of its link. */
class Stage {
  readonly clock = new SimWorld(1).clock;
  readonly said: ChildToParent[] = [];
  readonly events: string[] = [];
  readonly role = Promise.withResolvers<RunningRole | string>();
  readonly parent: Link<ChildToParent, ParentToChild>;
  readonly host: RoleHost;
  setting: RoleSetting | undefined;

  constructor() {
    const world = new SimWorld(1);
    const defer = (run: () => void): void => void this.clock.after(0, run);
    const [child, parent] = memoryLinks(CHILD_SIDE, defer);
    this.parent = parent;
    parent.start({
      message: (message) => this.said.push(message),
      closed: () => this.events.push("channel closed"),
    });
    this.host = new RoleHost({
      parent: child,
      hostname: "host",
      home: "/home/ann",
      uid: 1001,
      log: (line) => this.events.push(`log ${line}`),
      ports: () => portsOf(world, defer),
      startRole: (setting) => {
        this.setting = setting;
        return this.role.promise;
      },
      started: () => this.events.push("started"),
      ended: () => this.events.push("ended"),
    });
  }

  /** A role that notes what it is told. */
  runs(): void {
    this.role.resolve({
      joined: ({ to, name }) => this.events.push(`joined ${to} ${name}`),
      parentSays: ({ kind }) => this.events.push(`told ${kind}`),
    });
  }

  async tells(message: ParentToChild): Promise<void> {
    this.parent.send(message);
    await this.clock.advance(1);
  }
}

function portsOf(world: SimWorld, defer: Defer): RolePorts {
  const { clock, random, resolver, network, files } = world.startProcess();
  return { clock, random, resolver, network, files, defer, arrived: () => Promise.resolve() };
}

function sibling(name: string): Joined {
  return {
    to: "agent",
    name,
    generation: 0,
    number: 7,
    open: () => {
      throw new TypeError("Cannot open: a test's sibling");
    },
    refuse: () => undefined,
  };
}

test("a role starts with its slice, and says that it is ready", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  assert.deepEqual(stage.said, []);
  stage.runs();
  await stage.clock.advance(1);
  assert.deepEqual(stage.said, [{ kind: "ready" }]);
  assert.deepEqual(stage.events, ["started"]);
  assert.deepEqual([...(stage.setting?.config.actions.keys() ?? [])], ["box"]);
  assert.deepEqual([stage.setting?.hostname, stage.setting?.home], ["host", "/home/ann"]);
});

test("siblings that come before the role runs wait for it", async () => {
  const stage = new Stage();
  stage.host.joined(sibling("early"));
  await stage.tells({ kind: "configure", slice: SLICE });
  stage.runs();
  await stage.clock.advance(1);
  stage.host.joined(sibling("later"));
  assert.deepEqual(stage.events, ["started", "joined agent early", "joined agent later"]);
});

test("what stands in the way of a role reaches the parent; then the child ends", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  stage.role.resolve("no spool");
  await stage.clock.advance(1);
  assert.deepEqual(stage.said, [{ kind: "cannot-start", why: "no spool" }]);
  assert.deepEqual(stage.events.toSorted(), ["channel closed", "ended"]);
});

/** A role that gets ready when the test lets it, and notes what becomes of that. */
async function preparing(): Promise<{ stage: Stage; ready: (outcome?: string) => Promise<void> }> {
  const stage = new Stage();
  const waiting: PromiseWithResolvers<Prepared | string>[] = [];
  stage.role.resolve({
    joined: () => undefined,
    parentSays: () => undefined,
    prepare({ generation }) {
      stage.events.push(`prepare ${generation}`);
      const one = Promise.withResolvers<Prepared | string>();
      waiting.push(one);
      return one.promise;
    },
  });
  await stage.tells({ kind: "configure", slice: SLICE });
  const prepared = (n: number): Prepared => ({
    takeUp() {
      stage.events.push(`taken up ${n}`);
      return { envelopes: n, actions: [] };
    },
    abandon: () => stage.events.push(`abandoned ${n}`),
  });
  let count = 0;
  return {
    stage,
    async ready(outcome) {
      count++;
      waiting.shift()?.resolve(outcome ?? prepared(count));
      await stage.clock.advance(1);
    },
  };
}

function next(generation: number): ParentToChild {
  return {
    kind: "prepare",
    next: { config: SLICE.config, generation, tls: NO_TLS_MATERIAL, onlyTable: undefined },
  };
}

test("a role takes up what it has got ready for, when it is told to", async () => {
  const { stage, ready } = await preparing();
  await stage.tells(next(1));
  await stage.tells({ kind: "take-up", generation: 1 });
  assert.deepEqual(stage.events, ["started", "prepare 1"], "it is not ready");
  await ready();
  await stage.tells({ kind: "take-up", generation: 2 });
  await stage.tells({ kind: "take-up", generation: 1 });
  await stage.tells({ kind: "take-up", generation: 1 });
  assert.deepEqual(stage.events, ["started", "prepare 1", "taken up 1"]);
  assert.deepEqual(stage.said.slice(1), [
    { kind: "prepared", generation: 1, fault: undefined },
    { kind: "taken-up", generation: 1, stranded: { envelopes: 1, actions: [] } },
  ]);
});

test("what is given up before the role is ready for it is given up then, and nobody is told", async () => {
  const { stage, ready } = await preparing();
  await stage.tells(next(1));
  await stage.tells({ kind: "abandon", generation: 1 });
  await stage.tells(next(2));
  await ready();
  await ready();
  await stage.tells({ kind: "abandon", generation: 2 });
  assert.deepEqual(stage.events.slice(1), ["prepare 1", "prepare 2", "abandoned 1", "abandoned 2"]);
  assert.deepEqual(
    stage.said.map((message) => ("generation" in message ? message.generation : message.kind)),
    ["ready", 2],
  );
});

test("a role that cannot take it up says why", async () => {
  const { stage, ready } = await preparing();
  await stage.tells(next(1));
  await ready("no such table");
  await stage.tells({ kind: "take-up", generation: 1 });
  assert.deepEqual(stage.said.at(-1), { kind: "prepared", generation: 1, fault: "no such table" });
});

test("a child that is told to go while its role starts goes", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  await stage.tells({ kind: "shutdown" });
  assert.ok(stage.events.includes("ended"), stage.events.join());
});

test("a running role decides itself how it ends", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  stage.runs();
  await stage.clock.advance(1);
  await stage.tells({ kind: "shutdown" });
  assert.deepEqual(stage.events, ["started", "told shutdown"]);
  stage.setting?.parent.send({ kind: "stopped" });
  stage.setting?.end();
  await stage.clock.advance(1);
  assert.deepEqual(stage.said.at(-1), { kind: "stopped" }, "its last word is heard");
  assert.ok(stage.events.includes("ended"));
});

test("a child ends with its parent, whether its role runs or not", async () => {
  for (const isRunning of [false, true]) {
    const stage = new Stage();
    await stage.tells({ kind: "configure", slice: SLICE });
    if (isRunning) stage.runs();
    await stage.clock.advance(1);
    stage.parent.destroy();
    await stage.clock.advance(1);
    assert.ok(stage.events.includes("ended"));
  }
});

test("lines for debugging are written once the parent wants them", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  stage.runs();
  await stage.clock.advance(1);
  assert.equal(stage.setting?.observer.verbose, false);
  await stage.tells({ kind: "verbose", verbose: true });
  assert.equal(stage.setting.observer.verbose, true);
});

test("a sibling that is handed over is owned up to at once, also before the role runs", async () => {
  const stage = new Stage();
  await stage.tells({ kind: "configure", slice: SLICE });
  stage.host.joined(sibling("ann"));
  await stage.clock.advance(1);
  assert.deepEqual(stage.said, [{ kind: "joined", number: 7 }]);
});
