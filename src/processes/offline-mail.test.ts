import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedFolder } from "#base/ports/listed-folder.ts";
import { SimWorld } from "#world/sim/world.ts";
import { HAND_IN_EXIT, type HandInOrder } from "./hand-in-order.ts";
import {
  HAND_IN_MS,
  LOOK_DELAY_MS,
  MAX_HAND_INS,
  OfflineMail,
  type OfflineSettings,
  RESCAN_MS,
} from "./offline-mail.ts";
import { MAX_NAMES_EACH } from "./offline-scan.ts";

const FOLDER = "/offline";
const ENQUEUER = { uid: 900, gid: 900 };
const MINUTE_MS = 60_000;

interface Started {
  readonly order: HandInOrder;
  /** It ends so; those that are named, all of its own if left out, are gone. */
  end(how: number | string, ...gone: readonly string[]): Promise<void>;
  stopped: boolean;
  killed: boolean;
}

class Scene {
  readonly world = new SimWorld(3);
  readonly started: Started[] = [];
  readonly log: string[] = [];
  readonly offline: OfflineMail;
  looks = 0;
  changed: (() => void) | undefined;
  #made = 0;

  constructor(change: Partial<OfflineSettings> = {}) {
    const { disk, clock, users } = this.world;
    disk.plantFolder(FOLDER, { mode: 0o1733, uid: 0 });
    const files = disk.files();
    const listed: ListedFolder = {
      names: async function* (this: Scene): AsyncIterable<readonly string[]> {
        this.looks++;
        yield await files.list(FOLDER);
      }.bind(this),
      onceChanged: (changed) => {
        this.changed = changed;
        return () => {
          this.changed = undefined;
        };
      },
    };
    this.offline = new OfflineMail(
      { clock, files, listed, users, start: (order) => this.#start(order) },
      {
        folder: FOLDER,
        looker: { kind: "root", becomes: ENQUEUER },
        daemonUids: new Set([901]),
        info: (text) => this.log.push(`info: ${text}`),
        warn: (text) => this.log.push(`warn: ${text}`),
        ...change,
      },
    );
  }

  user(uid: number, gid = uid): void {
    this.world.users.set({ name: `user${uid}`, uid, gid, home: "/" });
  }

  /** Complete mail of the user; returns its name. */
  mail(uid: number, mode = 0o700): string {
    const name = (++this.#made).toString(16).padStart(32, "0");
    this.world.disk.plantFile(`${FOLDER}/${name}`, Buffer.from("x"), { uid, mode });
    return name;
  }

  async passes(ms = 0): Promise<void> {
    await this.world.clock.advance(ms);
  }

  get running(): readonly Started[] {
    return this.started.filter((each) => !this.#ended.has(each));
  }

  names(): Promise<readonly string[]> {
    return this.world.disk.files().list(FOLDER);
  }

  readonly #ended = new Set<Started>();

  #start(order: HandInOrder) {
    const { promise, resolve } = Promise.withResolvers<number | string>();
    const files = this.world.disk.files();
    const started: Started = {
      order,
      stopped: false,
      killed: false,
      end: async (how, ...gone) => {
        const taken = gone.length > 0 ? gone : how === HAND_IN_EXIT.done ? order.names : [];
        if (order.rights.kind !== "root")
          for (const name of taken) await files.unlink(`${FOLDER}/${name}`);
        this.#ended.add(started);
        resolve(how);
        await this.passes();
      },
    };
    this.started.push(started);
    return {
      ended: promise,
      stop: () => {
        started.stopped = true;
      },
      kill: () => {
        started.killed = true;
        this.#ended.add(started);
        resolve("was ended by SIGKILL");
      },
    };
  }
}

test("what waits at the start is handed in by a process of its owner, all of it at once", async () => {
  const scene = new Scene();
  scene.user(1000, 100);
  const names = [scene.mail(1000), scene.mail(1000)];
  scene.offline.start();
  await scene.passes();
  assert.deepEqual(
    scene.started.map(({ order }) => order),
    [
      {
        name: "user1000",
        login: "user1000",
        rights: { kind: "owner", account: { uid: 1000, gid: 100 } },
        names,
      },
    ],
  );
  await scene.running[0]?.end(HAND_IN_EXIT.done);
  assert.deepEqual(await scene.names(), []);
  assert.deepEqual(scene.log, []);
});

test("what comes while the daemon runs is handed in soon, and one look is for many changes", async () => {
  const scene = new Scene();
  scene.user(1000);
  scene.offline.start();
  await scene.passes();
  scene.mail(1000);
  for (let n = 0; n < 100; n++) scene.changed?.();
  await scene.passes(LOOK_DELAY_MS);
  assert.equal(scene.started.length, 1);
  assert.equal(scene.looks, 2);
});

test("without a word of the system it is looked again by time", async () => {
  const scene = new Scene();
  scene.user(1000);
  scene.offline.start();
  await scene.passes();
  scene.mail(1000);
  await scene.passes(RESCAN_MS);
  assert.equal(scene.started.length, 1);
});

test("root's mail is opened by root and read by another, one at a time, and put away by the parent", async () => {
  const scene = new Scene();
  const names = [scene.mail(0), scene.mail(0), scene.mail(0)];
  scene.offline.start();
  await scene.passes();
  const rights = { kind: "root", becomes: ENQUEUER } as const;
  assert.deepEqual(
    scene.running.map(({ order }) => order),
    [{ name: "root", login: "root", rights, names: names.slice(0, 1) }],
  );
  await scene.running[0]?.end(HAND_IN_EXIT.done);
  assert.deepEqual(await scene.names(), names.slice(1), "removed by the parent");
  await scene.passes(LOOK_DELAY_MS);
  await scene.running[0]?.end(HAND_IN_EXIT.givenUp);
  assert.deepEqual(
    await scene.names(),
    [names[2], `${names[1]}.failed`],
    "kept under another name",
  );
  await scene.passes(LOOK_DELAY_MS);
  await scene.running[0]?.end(HAND_IN_EXIT.later);
  assert.ok((await scene.names()).includes(names[2] ?? ""));
  await scene.passes(MINUTE_MS);
  assert.equal(scene.started.length, 4, "tried again");
});

test("a file that was not taken waits longer each time, and holds up no other", async () => {
  const scene = new Scene();
  scene.user(1000);
  const kept = scene.mail(1000);
  scene.offline.start();
  await scene.passes();
  await scene.running[0]?.end(HAND_IN_EXIT.later);
  const next = scene.mail(1000);
  scene.changed?.();
  await scene.passes(LOOK_DELAY_MS);
  assert.deepEqual(scene.running[0]?.order.names, [next]);
  await scene.running[0]?.end(HAND_IN_EXIT.done);
  await scene.passes(MINUTE_MS);
  assert.deepEqual(scene.running[0]?.order.names, [kept]);
  await scene.running[0]?.end(HAND_IN_EXIT.later);
  await scene.passes(MINUTE_MS + 1);
  assert.equal(scene.running.length, 0, "twice as long");
  await scene.passes(MINUTE_MS);
  assert.deepEqual(scene.running[0]?.order.names, [kept]);
});

test("a user who fills the folder has few of his files handed in at once, others theirs meanwhile", async () => {
  const scene = new Scene();
  for (const uid of [1000, 1001]) scene.user(uid);
  for (let n = 0; n < 3 * MAX_NAMES_EACH; n++) scene.mail(1000);
  const other = scene.mail(1001);
  scene.offline.start();
  await scene.passes();
  assert.deepEqual(
    scene.running.map(({ order }) => [order.name, order.names.length]),
    [
      ["user1000", MAX_NAMES_EACH],
      ["user1001", 1],
    ],
  );
  assert.deepEqual(scene.running[1]?.order.names, [other]);
  for (let round = 0; round < 3; round++) {
    for (const each of scene.running) await each.end(HAND_IN_EXIT.done);
    await scene.passes(LOOK_DELAY_MS);
  }
  assert.deepEqual(await scene.names(), []);
});

test("owners whom nobody knows, more than one look remembers, hold up nobody", async () => {
  const scene = new Scene();
  scene.user(1000);
  for (let uid = 100_000; uid < 102_500; uid++) scene.mail(uid);
  const name = scene.mail(1000);
  scene.offline.start();
  await scene.passes(MINUTE_MS / 2);
  assert.deepEqual(
    scene.started.map(({ order: { names } }) => names),
    [[name]],
  );
  const { looks } = scene;
  await scene.passes(MINUTE_MS / 4);
  assert.equal(scene.looks, looks, "what nobody is served of is not looked for all the time");
});

test("so many processes run at once and no more, one for each owner", async () => {
  const scene = new Scene();
  for (let uid = 1000; uid < 1000 + 2 * MAX_HAND_INS; uid++) {
    scene.user(uid);
    scene.mail(uid);
  }
  scene.offline.start();
  await scene.passes();
  assert.equal(scene.running.length, MAX_HAND_INS);
  await scene.running[0]?.end(HAND_IN_EXIT.done);
  assert.equal(scene.running.length, MAX_HAND_INS);
  while (scene.running.length > 0) await scene.running[0]?.end(HAND_IN_EXIT.done);
  assert.deepEqual(await scene.names(), []);
});

test("a process that its user has stopped is killed, and he waits before the next", async () => {
  const scene = new Scene();
  scene.user(1000);
  scene.mail(1000);
  scene.offline.start();
  await scene.passes(HAND_IN_MS);
  assert.deepEqual(
    scene.started.map(({ killed }) => killed),
    [true],
  );
  assert.match(scene.log.join("\n"), /warn: offline mail of user1000 is kept: .* SIGKILL/);
  scene.mail(1000);
  scene.changed?.();
  await scene.passes(LOOK_DELAY_MS);
  assert.equal(scene.running.length, 0);
  await scene.passes(MINUTE_MS);
  assert.equal(scene.running.length, 1);
});

for (const [what, set, warning] of [
  ["a user of the daemon", (scene: Scene) => scene.mail(901), /uid 901 .* a user of the daemon/],
  ["nobody that the system knows", (scene: Scene) => scene.mail(1234), /uid 1234 .* no such user/],
  [
    "one whose group is root's",
    (scene: Scene) => {
      scene.user(1000, 0);
      scene.mail(1000);
    },
    /uid 1000 .* its group is root's/,
  ],
  [
    "one whom nobody can look up now",
    (scene: Scene) => {
      scene.world.users.fail(new Error("no getent"));
      scene.mail(1000);
    },
    /uid 1000 .* no getent/,
  ],
] as const) {
  test(`what belongs to ${what} is not handed in, told once in a while, and kept`, async () => {
    const scene = new Scene();
    set(scene);
    scene.offline.start();
    for (let n = 0; n < 10; n++) {
      await scene.passes(LOOK_DELAY_MS);
      scene.changed?.();
    }
    assert.equal(scene.started.length, 0);
    assert.equal(scene.log.length, 1);
    assert.match(scene.log[0] ?? "", warning);
    assert.equal((await scene.names()).length, 1);
  });
}

test("without root only what is one's own is handed in, as oneself", async () => {
  const scene = new Scene({ looker: { kind: "user", uid: 1000 }, daemonUids: new Set() });
  scene.user(1001);
  const own = scene.mail(1000);
  scene.mail(1001);
  scene.mail(0);
  scene.offline.start();
  await scene.passes();
  assert.deepEqual(
    scene.started.map(({ order }) => [order.rights.kind, order.names]),
    [["same", [own]]],
  );
});

test("what is no mail is left alone, and told of once with one example", async () => {
  const scene = new Scene();
  const { disk } = scene.world;
  disk.plantSymlink(`${FOLDER}/${"a".repeat(32)}`);
  disk.plantFolder(`${FOLDER}/${"b".repeat(32)}`);
  disk.plantFile(`${FOLDER}/core`, Buffer.from("x"));
  for (const mode of [0o644, 0o4700, 0o777]) scene.mail(1000, mode);
  const before = await scene.names();
  scene.offline.start();
  for (let n = 0; n < 5; n++) await scene.passes(RESCAN_MS);
  assert.equal(scene.started.length, 0);
  assert.deepEqual(await scene.names(), before);
  assert.deepEqual(scene.log, [
    `warn: offline mail: 6 in ${FOLDER} is no mail and stays there, such as core (its name is none of ours)`,
  ]);
});

test("what is being written is left, and removed when its writer is gone since a day", async () => {
  const scene = new Scene();
  const name = scene.mail(1000, 0o600);
  scene.offline.start();
  await scene.passes(23 * 60 * MINUTE_MS);
  assert.deepEqual(await scene.names(), [name]);
  await scene.passes(60 * MINUTE_MS + RESCAN_MS);
  assert.deepEqual(await scene.names(), []);
  assert.deepEqual(scene.log, ["info: offline mail: 1 removed that were never completed"]);
});

test("what could not be removed is not told as removed, and is removed at another look", async () => {
  const scene = new Scene();
  scene.mail(1000, 0o600);
  await scene.passes(25 * 60 * MINUTE_MS);
  scene.world.disk.fail({ operation: "unlink", code: "EROFS" });
  scene.offline.start();
  await scene.passes();
  assert.deepEqual(scene.log, []);
  await scene.passes(RESCAN_MS);
  assert.deepEqual(scene.log, ["info: offline mail: 1 removed that were never completed"]);
});

test("what is given up is not tried again", async () => {
  const scene = new Scene();
  scene.world.disk.plantFile(`${FOLDER}/${"a".repeat(32)}.failed`, Buffer.from("x"), {
    uid: 1000,
    mode: 0o700,
  });
  scene.offline.start();
  await scene.passes(RESCAN_MS);
  assert.equal(scene.started.length, 0);
  assert.deepEqual(scene.log, []);
});

test("a folder that cannot be listed is told, and looked at again", async () => {
  const scene = new Scene();
  scene.user(1000);
  scene.mail(1000);
  scene.world.disk.fail({ operation: "list", code: "EIO" });
  scene.offline.start();
  await scene.passes();
  assert.match(scene.log.join("\n"), /^warn: offline mail: cannot look into \/offline: /);
  await scene.passes(RESCAN_MS);
  assert.equal(scene.started.length, 1);
});

test("a file that its owner takes away meanwhile is no fault", async () => {
  const scene = new Scene();
  scene.user(1000);
  scene.mail(1000);
  scene.world.disk.fail({ operation: "stat", code: "ENOENT" });
  scene.offline.start();
  await scene.passes();
  assert.equal(scene.started.length, 0);
  assert.deepEqual(scene.log, []);
});

test("at the end nothing is started, what runs may finish, and is killed when it does not", async () => {
  const scene = new Scene();
  for (const uid of [1000, 1001]) {
    scene.user(uid);
    scene.mail(uid);
  }
  scene.offline.start();
  await scene.passes();
  let isOver = false;
  void scene.offline.stop().finally(() => {
    isOver = true;
  });
  await scene.running[0]?.end(HAND_IN_EXIT.later);
  assert.ok(!isOver && scene.started.every(({ stopped }) => stopped));
  scene.mail(1000);
  scene.changed?.();
  await scene.passes(MINUTE_MS);
  assert.ok(isOver);
  assert.equal(scene.started.length, 2);
  assert.deepEqual(
    scene.started.map(({ killed }) => killed),
    [false, true],
  );
});

test("a daemon that stops before it had started looks at nothing", async () => {
  const scene = new Scene();
  scene.mail(1000);
  await scene.offline.stop();
  scene.offline.start();
  await scene.passes(RESCAN_MS);
  assert.equal(scene.looks, 0);
});
