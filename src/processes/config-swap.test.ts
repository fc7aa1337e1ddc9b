import { NO_TLS_MATERIAL } from "#model/tls-material.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { FakeChild, type FakeEnd } from "#test/support/fake-child.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import { SimClock } from "#world/sim/clock.ts";
import type { BoundSockets } from "./bound-sockets.ts";
import { ConfigSwap, type Swapped } from "./config-swap.ts";
import { Supervised } from "./supervised.ts";

const MINUTE_MS = 60_000;
const GENERATION = 1;
const CONFIG = configOf('action "out" relay', 'match from any for any action "out"');

const PREPARED: ChildToParent = { kind: "prepared", generation: GENERATION, fault: undefined };
const TAKEN_UP: ChildToParent = {
  kind: "taken-up",
  generation: GENERATION,
  stranded: NONE_STRANDED,
};

/** A child in all its lives. */
class Actor {
  readonly process: Supervised<FakeEnd>;
  readonly #lives: FakeChild[] = [];

  constructor(name: string, clock: SimClock) {
    this.process = new Supervised<FakeEnd>(name, clock, {
      launch: () => {
        const child = new FakeChild();
        this.#lives.push(child);
        return child;
      },
      slice: () => EMPTY_SLICE,
    });
  }

  get lives(): number {
    return this.#lives.length;
  }

  get child(): FakeChild {
    const child = this.#lives.at(-1);
    assert.ok(child !== undefined);
    return child;
  }

  /** The kinds of what this life was told. */
  get told(): readonly string[] {
    return this.child.told.map(({ kind }) => kind);
  }
}

/** A queue and a dispatcher, which answer as the test lets them. */
class Stage {
  readonly clock: SimClock = new SimClock();
  /** What became of the sockets. */
  readonly sockets: string[] = [];
  readonly queue: Actor = new Actor("queue", this.clock);
  readonly dispatcher: Actor = new Actor("dispatcher 0", this.clock);
  readonly #swap: ConfigSwap<FakeEnd>;
  isStopping = false;

  constructor() {
    const bound: BoundSockets = {
      listenerFds: [],
      fdsOf: () => [],
      controlFd: -1,
      rebind: async () => ({
        kind: "rebinding",
        fresh: [{ endpoint: "127.0.0.1:25", kind: "tcp", handle: undefined }],
        commit: () => this.sockets.push("kept"),
        abandon: () => this.sockets.push("given up"),
      }),
      close: () => undefined,
    };
    this.#swap = new ConfigSwap(this.clock, bound);
    for (const { process } of this.actors) {
      process.start({
        ready: () => undefined,
        message: (message) => {
          if (message.kind === "prepared" || message.kind === "taken-up") {
            this.#swap.answered(process, message);
          }
        },
        down: () => this.#swap.gone(process),
        cannotStart: () => undefined,
      });
    }
    for (const { child } of this.actors) child.says({ kind: "ready" });
  }

  get actors(): readonly Actor[] {
    return [this.queue, this.dispatcher];
  }

  /** Begun: the children have been told to get ready. */
  async begun(): Promise<{ outcome(): Promise<Swapped> }> {
    const swapped = this.#swap.run(CONFIG, GENERATION, {
      children: [
        { process: this.queue.process, role: "queue", index: 0 },
        { process: this.dispatcher.process, role: "dispatcher", index: 0 },
      ],
      slice: () => ({
        config: EMPTY_SLICE.config,
        generation: GENERATION,
        tls: NO_TLS_MATERIAL,
        onlyTable: undefined,
      }),
      isWorking: () => true,
      commit: () => !this.isStopping,
    });
    await this.clock.settle();
    return { outcome: () => this.clock.runUntilSettled(swapped, MINUTE_MS) };
  }

  /** Has each of them say it. */
  async say(message: ChildToParent, ...actors: readonly Actor[]): Promise<void> {
    for (const { child } of actors) child.says(message);
    await this.clock.settle();
  }
}

test("nobody takes it up before everybody is ready; then all do", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  await stage.say(PREPARED, stage.queue);
  assert.deepEqual([stage.queue.told, stage.sockets], [["configure", "prepare"], []]);
  await stage.say(PREPARED, stage.dispatcher);
  assert.deepEqual(
    stage.actors.map(({ told }) => told.at(-1)),
    ["take-up", "take-up"],
  );
  assert.deepEqual(stage.sockets, ["kept"]);
  await stage.say(TAKEN_UP, stage.dispatcher);
  const stranded = { envelopes: 7, actions: ["out"] };
  await stage.say({ kind: "taken-up", generation: GENERATION, stranded }, stage.queue);
  assert.deepEqual(await swap.outcome(), { kind: "swapped", stranded, renewed: [] });
});

test("only who accepts clients gets the sockets", async () => {
  const stage = new Stage();
  await stage.begun();
  assert.deepEqual(
    stage.actors.map(({ child }) => child.listeners),
    [[], ["127.0.0.1:25"]],
  );
});

test("one that cannot get ready keeps all as it is", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  await stage.say({ kind: "prepared", generation: GENERATION, fault: "in use" }, stage.dispatcher);
  await stage.say(PREPARED, stage.queue);
  assert.deepEqual(await swap.outcome(), { kind: "refused", why: "dispatcher 0: in use" });
  assert.deepEqual(
    stage.actors.map(({ told }) => told.at(-1)),
    ["abandon", "abandon"],
  );
  assert.deepEqual(stage.sockets, ["given up"]);
});

test("so does one that says nothing, in time", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  await stage.say(PREPARED, stage.dispatcher);
  assert.deepEqual(await swap.outcome(), {
    kind: "refused",
    why: "queue did not get ready in time",
  });
  assert.deepEqual(stage.sockets, ["given up"]);
});

test("and so does a daemon that is stopping", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  stage.isStopping = true;
  await stage.say(PREPARED, ...stage.actors);
  assert.deepEqual(await swap.outcome(), { kind: "refused", why: "smtpd is stopping" });
});

test("one that dies meanwhile, and is there again by then, is started anew: it has the old one", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  stage.dispatcher.child.exits("exited with 1");
  await stage.clock.advance(1000);
  await stage.say({ kind: "ready" }, stage.dispatcher);
  assert.equal(stage.dispatcher.lives, 2);
  await stage.say(PREPARED, stage.queue);
  assert.deepEqual(stage.dispatcher.child.signals, ["SIGKILL"]);
  await stage.say(TAKEN_UP, stage.queue);
  assert.equal((await swap.outcome()).kind, "swapped");
});

test("one that does not say that it has taken it up is started anew, and named", async () => {
  const stage = new Stage();
  const swap = await stage.begun();
  await stage.say(PREPARED, ...stage.actors);
  await stage.say(TAKEN_UP, stage.queue);
  assert.deepEqual(await swap.outcome(), {
    kind: "swapped",
    stranded: NONE_STRANDED,
    renewed: ["dispatcher 0"],
  });
  assert.deepEqual(stage.dispatcher.child.signals, ["SIGKILL"]);
});
