import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import type { LocalClient, LocalDoor } from "#base/ports/local-door.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { roleSetting } from "#test/support/role-setting.ts";
import { localRole } from "./local.ts";
import type { RunningRole } from "./role.ts";

const RULES = ['action "box" maildir', 'match from any for any action "box"'];

/** A door at which the test knocks, and what became of those who did. */
class Door implements LocalDoor {
  readonly open = new Map<string, (client: LocalClient) => void>();
  readonly passed: number[] = [];
  readonly turnedAway: number[] = [];
  destroyed = 0;
  /** The parent answers for the client that is on its way. */
  answer: () => void = () => undefined;

  listen: LocalDoor["listen"] = async (endpoint, accept) => {
    const key = formatEndpoint(endpoint);
    this.open.set(key, accept);
    return { endpoint, close: () => void this.open.delete(key) };
  };

  knock(uid: number, path = "/run/a.sock"): void {
    const endpoint = `unix:${path}`;
    this.open.get(endpoint)?.({
      endpoint,
      uid,
      pass: () => {
        this.passed.push(uid);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.answer = resolve;
        return promise;
      },
      turnAway: (line) => {
        assert.match(line, /^421 4\.\d\.\d [ -~]+\r\n$/u);
        this.turnedAway.push(uid);
      },
      destroy: () => {
        this.destroyed++;
      },
    });
  }
}

class Stage {
  readonly world = new SimWorld(1);
  readonly door = new Door();
  readonly log: string[] = [];
  readonly said: ChildToParent[] = [];
  role: RunningRole | undefined;
  hasEnded = false;

  async start(...listeners: readonly string[]): Promise<void> {
    const config = configOf(...listeners, ...RULES);
    const setting = roleSetting(this.world.startProcess(), config, {
      send: (message) => void this.said.push(message),
      log: (line) => void this.log.push(line),
      end: () => {
        this.hasEnded = true;
      },
    });
    const role = await localRole(async () => this.door)(setting);
    assert.ok(typeof role !== "string");
    this.role = role;
  }
}

test("clients of sockets are handed on one after the other, as the parent answers", async () => {
  const stage = new Stage();
  await stage.start('listen on socket "/run/a.sock"', "listen on 127.0.0.1 port 25");
  const { door } = stage;
  assert.deepEqual([...door.open.keys()], ["unix:/run/a.sock"], "others are the dispatchers'");
  for (const uid of [1, 2, 3]) door.knock(uid);
  await stage.world.clock.settle();
  assert.deepEqual(door.passed, [1]);
  door.answer();
  await stage.world.clock.settle();
  assert.deepEqual(door.passed, [1, 2]);
});

test("a user who floods has a part of those that wait; others find room, and wait behind it alone", async () => {
  const stage = new Stage();
  await stage.start('listen on socket "/run/a.sock"');
  const { door } = stage;
  for (let n = 0; n < 500; n++) door.knock(666);
  for (let n = 0; n < 3; n++) door.knock(1000);
  assert.deepEqual(new Set(door.turnedAway), new Set([666]));
  for (let n = 0; n < 100; n++) {
    await stage.world.clock.settle();
    door.answer();
  }
  assert.equal(door.passed.filter((uid) => uid === 666).length, 65, "64 waited behind the first");
  assert.equal(door.passed.filter((uid) => uid === 1000).length, 3);
  await stage.world.clock.advance(2000);
  assert.match(stage.log.join("\n"), /limit=sessions-per-user/u);
});

test("a user comes as often as its rate allows", async () => {
  const stage = new Stage();
  await stage.start('listen on socket "/run/a.sock"');
  const { door } = stage;
  for (let n = 0; n < 1200; n++) {
    door.knock(1000);
    await stage.world.clock.settle();
    door.answer();
    await stage.world.clock.settle();
  }
  assert.equal(door.passed.length, 1000);
  door.knock(1001);
  await stage.world.clock.advance(1000);
  for (let n = 0; n < 200; n++) {
    door.knock(1000);
    await stage.world.clock.settle();
    door.answer();
    await stage.world.clock.settle();
  }
  assert.deepEqual([door.passed.length, door.passed.includes(1001)], [1101, true]);
});

test("a reload opens what is new and closes what is gone", async () => {
  const stage = new Stage();
  await stage.start('listen on socket "/run/a.sock"', 'listen on socket "/run/b.sock"');
  const next = configOf(
    'listen on socket "/run/b.sock"',
    'listen on socket "/run/c.sock"',
    ...RULES,
  );
  const prepared = await stage.role?.prepare?.({
    config: next,
    tls: EMPTY_SLICE.tls,
    generation: 1,
    onlyTable: undefined,
  });
  assert.ok(typeof prepared === "object");
  stage.door.knock(7, "/run/c.sock");
  assert.deepEqual(stage.door.passed, [], "who comes early waits");
  prepared.takeUp();
  assert.deepEqual([...stage.door.open.keys()], ["unix:/run/b.sock", "unix:/run/c.sock"]);
  assert.deepEqual(stage.door.passed, [7]);
});

test("at the end those that wait are cut off", async () => {
  const stage = new Stage();
  await stage.start('listen on socket "/run/a.sock"');
  for (const uid of [1, 2, 3]) stage.door.knock(uid);
  stage.role?.parentSays({ kind: "shutdown" });
  assert.deepEqual(
    [stage.door.destroyed, stage.hasEnded, stage.said.at(-1)],
    [2, true, { kind: "stopped" }],
  );
});

test("without a way to ask who connects the role cannot run", async () => {
  const config = configOf("listen on socket", ...RULES);
  const setting = roleSetting(new SimWorld(1).startProcess(), config);
  const answer = await localRole(async () => "who connects cannot be asked: no addon")(setting);
  assert.equal(answer, "who connects cannot be asked: no addon");
});
