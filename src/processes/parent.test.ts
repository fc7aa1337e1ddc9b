import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { FakeChild, type FakeEnd, FakePairs } from "#test/support/fake-child.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import type { SimClock } from "#world/sim/clock.ts";
import { SimUsers } from "#world/sim/users.ts";
import { SimWorld } from "#world/sim/world.ts";
import { Parent } from "./parent.ts";
import type { Reloaded } from "./reloads.ts";
import type { Role } from "./roles.ts";
import { NO_TLS_SOURCE } from "./tls-source.ts";

const MINUTE_MS = 60_000;
const CONFIG = configOf('action "out" relay', 'match from any for any action "out"');

/** A daemon whose children do as they are told; a queue is ready when the test lets it. */
class Stage {
  readonly #world = new SimWorld(1);
  readonly clock: SimClock = this.#world.clock;
  readonly log: string[] = [];
  readonly queues: FakeChild[] = [];
  readonly parent: Parent<FakeEnd>;

  constructor() {
    const bound = {
      listenerFds: [],
      fdsOf: () => [],
      controlFd: -1,
      rebind: async () => ({
        kind: "rebinding" as const,
        fresh: [],
        commit: () => undefined,
        abandon: () => undefined,
      }),
      close: () => undefined,
    };
    const { clock, random, files } = this.#world.startProcess();
    this.parent = new Parent<FakeEnd>(
      { clock, random, files, users: new SimUsers(), tls: NO_TLS_SOURCE },
      {
        config: CONFIG,
        reader: {
          whole: async () => ({ config: CONFIG, complaints: [] }),
          table: async () => ({ config: CONFIG, complaints: [] }),
        },
        spool: "/spool",
        controlSocket: "/control.sock",
        stapleFolder: undefined,
        dispatchers: 1,
        accounts: new Map(),
        isRoot: false,
        verbose: false,
        paused: [],
        ownAddresses: [],
        queueKeys: [],
        maxOpenFiles: 1024,
        openFiles: () => 30,
      },
      { info: (text) => this.log.push(text), warn: (text) => this.log.push(text) },
      { bound, pairs: new FakePairs(), launch: ({ role }) => this.#launch(role) },
    );
  }

  /** The life of the queue that is the last one. */
  get queue(): FakeChild {
    const child = this.queues.at(-1);
    assert.ok(child !== undefined);
    return child;
  }

  /** Mail flows. */
  async started(): Promise<void> {
    const started = this.parent.start();
    this.queue.says({ kind: "ready" });
    assert.deepEqual(await this.clock.runUntilSettled(started, MINUTE_MS), { kind: "running" });
  }

  /** The queue has died, and its next life has begun to read the spool. */
  async queueDies(): Promise<void> {
    const lives = this.queues.length;
    this.queue.exits("exited with 1");
    await this.clock.runUntil(() => this.queues.length > lives, MINUTE_MS);
  }

  outcome(reloaded: Promise<Reloaded>): Promise<Reloaded> {
    return this.clock.runUntilSettled(reloaded, MINUTE_MS);
  }

  #launch(role: Role): FakeChild {
    const child = new FakeChild();
    if (role === "queue") this.queues.push(child);
    const { link } = child;
    const send = link.send.bind(link);
    link.send = (message): void => {
      send(message);
      queueMicrotask(() => {
        if (message.kind === "configure" && role !== "queue") {
          child.says({ kind: "ready" });
          if (role === "dispatcher") child.says({ kind: "listening" });
        } else if (message.kind === "prepare") {
          const { generation } = message.next;
          child.says({ kind: "prepared", generation, fault: undefined });
        } else if (message.kind === "take-up") {
          const { generation } = message;
          child.says({ kind: "taken-up", generation, stranded: NONE_STRANDED });
        }
      });
    };
    return child;
  }
}

test("a reload waits for a queue that is starting, and does not have it begin anew", async () => {
  const stage = new Stage();
  await stage.started();
  await stage.queueDies();
  // A job that reloads each second.
  const reloads: Promise<Reloaded>[] = [];
  for (let second = 0; second < 30; second++) {
    reloads.push(stage.parent.reload());
    await stage.clock.advance(1000);
  }
  assert.deepEqual([stage.queues.length, stage.queue.signals], [2, []]);
  stage.queue.says({ kind: "ready" });
  for (const reload of reloads) assert.equal((await stage.outcome(reload)).kind, "reloaded");
  assert.deepEqual([stage.queues.length, stage.queue.signals], [2, []]);
  assert.deepEqual(stage.log, [
    "queue exited with 1, starting it again",
    "another configuration is taken up when queue has started",
    "configuration reloaded",
    "configuration reloaded",
  ]);
});

test("a start that comes to nothing does not keep a reload waiting: the next one begins with it", async () => {
  const stage = new Stage();
  await stage.started();
  await stage.queueDies();
  const reload = stage.parent.reload();
  await stage.clock.settle();
  stage.queue.says({ kind: "cannot-start", why: "disk full" });
  assert.equal((await stage.outcome(reload)).kind, "reloaded");
  assert.deepEqual(stage.log.slice(2), [
    "queue: disk full",
    "queue ended by SIGKILL, starting it again",
    "configuration reloaded",
  ]);
});

test("a daemon that stops while a queue starts refuses the reload that waits for it", async () => {
  const stage = new Stage();
  await stage.started();
  await stage.queueDies();
  const reload = stage.parent.reload();
  await stage.clock.settle();
  stage.parent.stop();
  const refused = { kind: "refused", why: "smtpd is stopping", complaints: [] };
  assert.deepEqual(await stage.outcome(reload), refused);
});
