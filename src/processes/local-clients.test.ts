import assert from "node:assert/strict";
import { test } from "node:test";
import { ABSENT, found } from "#base/lookup.ts";
import { SimUsers } from "#world/sim/users.ts";
import { configOf } from "#test/support/config-of.ts";
import { FakeChild, type FakeEnd } from "#test/support/fake-child.ts";
import type { Child, PassedClient } from "./child.ts";
import { LocalClients } from "./local-clients.ts";

const CONFIG = configOf(
  'listen on socket "/run/in.sock"',
  'action "box" maildir',
  'match from any for any action "box"',
);
const ANNA = { name: "anna", uid: 1000, gid: 1000, home: "/home/anna" };

class Client implements PassedClient {
  readonly endpoint: string;
  readonly uid: number | undefined;
  isDestroyed = false;

  constructor(uid: number | undefined, endpoint = "unix:/run/in.sock") {
    this.uid = uid;
    this.endpoint = endpoint;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

class Scene {
  readonly users = new SimUsers([ANNA]);
  dispatchers: readonly FakeChild[] = [new FakeChild(1), new FakeChild(2)];
  readonly clients = new LocalClients<FakeEnd>(this.users, {
    config: () => CONFIG,
    dispatchers: (): readonly Child<FakeEnd>[] => this.dispatchers,
  });

  /** Who each dispatcher was handed. */
  get handed(): readonly (readonly unknown[])[] {
    return this.dispatchers.map(({ clients }) => clients.map(({ user }) => user));
  }
}

async function settled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  await promise;
}

test("clients go to the dispatchers in turn, with the name of their user, or without one", async () => {
  const scene = new Scene();
  for (const uid of [1000, 4242, undefined]) {
    await scene.clients.take(new Client(uid));
    await settled();
  }
  assert.deepEqual(scene.handed, [
    [{ uid: 1000, name: found("anna") }, undefined],
    [{ uid: 4242, name: ABSENT }],
  ]);
});

test("where the user database cannot be asked the dispatcher is told so", async () => {
  const scene = new Scene();
  const cause = new Error("no");
  scene.users.fail(cause);
  await scene.clients.take(new Client(1000));
  await settled();
  assert.deepEqual(scene.handed[0], [{ uid: 1000, name: { kind: "unavailable", cause } }]);
});

test("a client of a listener that is not in the configuration is cut off, whatever local says", async () => {
  const scene = new Scene();
  const stray = new Client(0, "unix:/run/control.sock");
  await scene.clients.take(stray);
  await settled();
  assert.deepEqual([stray.isDestroyed, scene.handed], [true, [[], []]]);
});

test("who comes while no dispatcher listens waits for one; local is answered as long as there is room", async () => {
  const scene = new Scene();
  const [first] = scene.dispatchers;
  scene.dispatchers = [];
  let answered = 0;
  for (let n = 0; n < 80; n++) void scene.clients.take(new Client(1000)).then(() => answered++);
  await settled();
  assert.equal(answered, 63);
  scene.dispatchers = [first as FakeChild];
  scene.clients.dispatcherListens();
  await settled();
  assert.deepEqual([first?.clients.length, answered], [80, 80]);
});

test("at the end those that wait are cut off, and those that come", async () => {
  const scene = new Scene();
  scene.dispatchers = [];
  const [early, late] = [new Client(1000), new Client(1000)];
  await scene.clients.take(early);
  await settled();
  scene.clients.close();
  await scene.clients.take(late);
  await settled();
  assert.deepEqual([early.isDestroyed, late.isDestroyed], [true, true]);
});
