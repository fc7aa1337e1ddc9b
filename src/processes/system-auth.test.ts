import assert from "node:assert/strict";
import { test } from "node:test";
import type { PasswordVerdict, SystemPasswords } from "#base/ports/system-passwords.ts";
import type { ChildToParent } from "#model/ipc/parent-link.ts";
import { MAX_SYSTEM_CHECKS } from "#model/ipc/system-auth-link.ts";
import { Observer } from "#engine/observe/observer.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { parentLink } from "#test/support/parent-link.ts";
import { memoryPair } from "./memory-link.ts";
import { RemotePasswords } from "./remote-passwords.ts";
import type { RunningRole } from "./role.ts";
import type { Role } from "./roles.ts";
import { AUTH_CLIENT_SIDE } from "./shapes.ts";
import { systemAuthRole } from "./system-auth.ts";

/** Takes its time, and says how many checks it was asked for at once. */
class SlowPasswords implements SystemPasswords {
  mostAtOnce = 0;
  #underWay = 0;
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  async check(user: string, password: string): Promise<PasswordVerdict> {
    this.#underWay++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    await new Promise<void>((resolve) => void this.#world.clock.after(10, resolve));
    this.#underWay--;
    return user === "ann" && password === "right" ? "accepted" : "refused";
  }
}

/** The helper, and lookup that asks it. */
class Stage {
  readonly world = new SimWorld(1);
  readonly passwords = new SlowPasswords(this.world);
  readonly said: ChildToParent[] = [];
  readonly remote = new RemotePasswords(this.world.clock);
  #role: RunningRole | undefined;

  async start(): Promise<void> {
    const { clock, random, resolver, network, files } = this.world.startProcess();
    const defer = (run: () => void): void => void clock.after(0, run);
    const role = await systemAuthRole(this.passwords)({
      ports: {
        clock,
        random,
        resolver,
        network,
        files,
        defer,
        arrived: () => Promise.resolve(),
      },
      slice: EMPTY_SLICE,
      config: configOf("listen on socket auth", 'action "box" maildir', 'match action "box"'),
      parent: parentLink((message) => void this.said.push(message)),
      observer: new Observer(() => undefined, false),
      hostname: "host",
      home: "/",
      uid: 0,
      end: () => undefined,
    });
    assert.ok(typeof role !== "string");
    this.#role = role;
  }

  /** Whether the sibling was taken. */
  join(to: Role): boolean {
    const [near, far] = memoryPair((run) => void this.world.clock.after(0, run));
    let isTaken = true;
    this.#role?.joined({
      to,
      number: 1,
      name: "",
      generation: 0,
      open: (shape) => near.open(shape),
      refuse: () => (isTaken = false),
    });
    if (isTaken) this.remote.linked(far.open(AUTH_CLIENT_SIDE));
    return isTaken;
  }

  stop(): void {
    this.#role?.parentSays({ kind: "shutdown" });
  }
}

test("passwords are checked one after the other, and each answer finds its question", async () => {
  const stage = new Stage();
  await stage.start();
  assert.equal(stage.join("lookup"), true);
  const asked = [
    stage.remote.check("ann", "right"),
    stage.remote.check("ann", "wrong"),
    stage.remote.check("bob", "right"),
    stage.remote.check("ann", "right"),
  ];
  await stage.world.clock.advance(1000);
  assert.deepEqual(await Promise.all(asked), ["accepted", "refused", "refused", "accepted"]);
  assert.equal(stage.passwords.mostAtOnce, 1);
});

test("only lookup may ask", async () => {
  const stage = new Stage();
  await stage.start();
  for (const role of ["dispatcher", "queue", "control", "agent", "auth"] as const)
    assert.equal(stage.join(role), false, role);
});

test("who is not there, has too much to do or does not answer is unavailable", async () => {
  const stage = new Stage();
  assert.equal(await stage.remote.check("ann", "right"), "unavailable");
  await stage.start();
  stage.join("lookup");
  const asked = Array.from({ length: MAX_SYSTEM_CHECKS + 1 }, () =>
    stage.remote.check("ann", "right"),
  );
  assert.equal(await asked.at(-1), "unavailable");
  await stage.world.clock.advance(20_000);
  const verdicts = await Promise.all(asked);
  assert.equal(verdicts.filter((verdict) => verdict === "accepted").length, MAX_SYSTEM_CHECKS);
});

test("told to stop, it says so and ends", async () => {
  const stage = new Stage();
  await stage.start();
  stage.stop();
  assert.deepEqual(stage.said, [{ kind: "stopped" }]);
});
