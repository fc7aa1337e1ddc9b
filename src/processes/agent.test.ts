import assert from "node:assert/strict";
import { test } from "node:test";
import { Observer } from "#engine/observe/observer.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import type { AgentReply, AgentRequest } from "#model/ipc/forward-link.ts";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import { parentLink } from "#test/support/parent-link.ts";
import { SimCommands } from "#world/sim/commands.ts";
import { SimWorld } from "#world/sim/world.ts";
import { agentRole } from "./agent.ts";
import { AttemptSender } from "./attempt-sender.ts";
import type { Link } from "./channel.ts";
import { memoryPair } from "./memory-link.ts";
import type { RunningRole } from "./role.ts";
import { AGENT_CLIENT_SIDE } from "./shapes.ts";

const CONFIG = configOf('action "run" mda "/usr/bin/sort"', 'match from any for any action "run"');

/** An agent whose parent says yes to all, with a command that never ends. */
class Scene {
  readonly world: SimWorld = new SimWorld(1);
  readonly told: ChildToParent[] = [];
  readonly commands: SimCommands = new SimCommands(this.world.clock);
  state: "running" | "ended" = "running";
  #role: RunningRole | undefined;

  async start(): Promise<void> {
    this.commands.set("/usr/bin/sort", () => new Promise(() => undefined));
    const { disk, clock, random, resolver, network } = this.world;
    const files = disk.files();
    const { commands } = this;
    const role = await agentRole({ commands, filesAtOnce: files, filesTogether: files, pid: 1 })({
      ports: {
        files,
        clock,
        random,
        resolver,
        network,
        defer: (run) => void clock.after(0, run),
        arrived: async () => undefined,
      },
      slice: EMPTY_SLICE,
      config: CONFIG,
      parent: parentLink((message) => this.#heard(message)),
      observer: new Observer(() => undefined, false),
      hostname: "h",
      home: "/home/ann",
      uid: 1001,
      end: () => {
        this.state = "ended";
      },
    });
    assert.ok(typeof role !== "string");
    this.#role = role;
  }

  #heard(message: ChildToParent): void {
    this.told.push(message);
    if (message.kind !== "warrant-wanted") return;
    const { request } = message;
    const warrant = { kind: "command", command: "/usr/bin/sort" } as const;
    this.world.clock.after(0, () => this.#role?.parentSays({ kind: "warrant", request, warrant }));
  }

  shutdown(): void {
    this.#role?.parentSays({ kind: "shutdown" });
  }

  /** A dispatcher's end of a way to it. */
  join(): { readonly sender: AttemptSender; readonly link: Link<AgentReply, AgentRequest> } {
    const [near, far] = memoryPair((run) => void this.world.clock.after(0, run));
    this.#role?.joined({
      to: "dispatcher",
      name: "",
      generation: 0,
      number: 1,
      open: (shape) => far.open(shape),
      refuse: () => undefined,
    });
    const link = near.open(AGENT_CLIENT_SIDE);
    const sender = new AttemptSender(link);
    link.start({
      message: (reply) => {
        if (reply.kind !== "forward-file") sender.reply(reply);
      },
      closed: () => sender.lost("gone"),
    });
    return { sender, link };
  }
}

test("an agent that must go lets a command finish for 25 seconds, then ends it and says so", async () => {
  const scene = new Scene();
  await scene.start();
  const { sender } = scene.join();
  const attempt = sender.attempt(taskOf(localEnvelope("0000000a", "run", "ann")));
  await scene.world.clock.advance(1_000);
  assert.equal(scene.commands.orders.length, 1);
  scene.shutdown();
  await scene.world.clock.advance(24_000);
  assert.equal(scene.state, "running");
  const [result] = await scene.world.clock.runUntilSettled(attempt, 2_000);
  assert.equal(result?.outcome, "deferred");
  assert.match(result.diagnostic, /the daemon is stopping/u);
  assert.equal(scene.state, "ended");
});

test("an agent without a dispatcher ends by itself", async () => {
  const scene = new Scene();
  await scene.start();
  const { link } = scene.join();
  await scene.world.clock.advance(60_000);
  assert.equal(scene.state, "running");
  link.end();
  await scene.world.clock.advance(11_000);
  assert.equal(scene.state, "ended");
  assert.deepEqual(scene.told.at(-1), { kind: "stopped" });
});
