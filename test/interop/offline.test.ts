/** Mail of local programs while there is no daemon: it waits, and leaves by itself as its owner's. */
import assert from "node:assert/strict";
import type { SpawnSyncReturns } from "node:child_process";
import { readdirSync, readFileSync, statSync, unlinkSync, utimesSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { after, before, test } from "node:test";
import { REFUSED_TRIED_MS } from "#engine/enqueue/dropped-names.ts";
import { MAX_NAMES_EACH } from "#processes/offline-scan.ts";
import { handInLauncher } from "#processes/hand-in-launch.ts";
import { HAND_IN_EXIT, type HandInOrder } from "#processes/hand-in-order.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { GAMES, OfflineScene, ROOT, type TestUser, WWW } from "./offline-scene.ts";
import { RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const SENDMAIL = new URL("../../bin/sendmail", import.meta.url).pathname;
const ENQUEUER: TestUser = { uid: 912, gid: 913 };

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, and other users");

let scratch: Scratch;
let scene: OfflineScene;

before(async () => {
  if (skip !== false) return;
  scratch = new Scratch();
  scene = new OfflineScene(scratch);
  await scene.start();
});

after(async () => {
  if (skip === false) await scratch[Symbol.asyncDispose]();
});

test("what was written without a daemon leaves when it starts, whoever wrote it", {
  skip,
}, async () => {
  await scene.stop();
  for (const [user, name] of [
    [GAMES, "games"],
    [WWW, "www"],
    [ROOT, "root"],
  ] as const)
    scene.drop(user, name);
  assert.equal(scene.names.length, 3);
  for (const name of scene.names)
    assert.equal(statSync(`${scene.folder}/${name}`).mode & 0o7777, 0o700);
  await scene.start();
  for (const name of ["games", "www", "root"])
    await until(() => scene.arrivedFor(name).length === 1, `mail of ${name}`);
  await until(() => scene.names.length === 0, "empty drop folder");
  for (const who of ["user=games uid=5", "user=www-data uid=33", "user=root uid=0"]) {
    const line = new RegExp(`smtp connected address=local .*${who}$`, "mu");
    await until(() => line.test(scene.log), `line of ${who}`);
  }
});

test("sendmail with the daemon stopped says that it waits, and the mail leaves when it starts", {
  skip,
}, async () => {
  await scene.stop();
  const letter = "To: later@example.test\nSubject: later\n\n.hello\n";
  const { status, stderr } = sendmail(GAMES, ["-i", "-t"], letter);
  assert.equal(status, 75, stderr);
  assert.equal(scene.names.length, 1);
  assert.equal(scene.arrivedFor("later").length, 0);
  await scene.start();
  await until(() => scene.arrivedFor("later").length === 1, "mail that has waited");
  assert.match(scene.arrivedFor("later")[0] ?? "", /Subject: later\n[^]*\n\n\.hello\n$/);
});

test("what comes while the daemon runs leaves within a second or two", { skip }, async () => {
  scene.drop(GAMES, "meanwhile");
  const begunMs = performance.now();
  await until(() => scene.arrivedFor("meanwhile").length === 1, "mail");
  assert.ok(performance.now() - begunMs < 10_000);
});

test("more than one process hands in leaves as well, each message once", { skip }, async () => {
  await scene.stop();
  const count = MAX_NAMES_EACH + 5;
  scene.drop(WWW, "many", count);
  await scene.start();
  await until(() => scene.arrivedFor("many").length === count, "all mail");
  assert.equal(scene.arrivedFor("many").length, count, "none twice");
});

/** A daemon that says nothing: whoever hands in waits, and can be looked at. */
async function silent(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return server;
}

interface Seen {
  readonly command: string;
  readonly status: string;
  readonly environment: string;
  readonly openFiles: readonly string[];
}

/** What /proc has of the process that hands in as `uid`. */
async function seenAs(uid: number): Promise<Seen> {
  let seen: Seen | undefined;
  await until(() => {
    seen = handInOf(uid);
    return seen !== undefined;
  }, `process of ${uid} that hands in`);
  assert.ok(seen !== undefined);
  return seen;
}

function handInOf(uid: number): Seen | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const folder = `/proc/${pid}`;
      const command = readFileSync(`${folder}/cmdline`, "utf8");
      // Once setpriv(1) has done what it is there for.
      if (!command.startsWith(process.execPath) || !command.includes("hand-in-main")) continue;
      const status = readFileSync(`${folder}/status`, "utf8");
      if (!status.includes(`\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`)) continue;
      const environment = readFileSync(`${folder}/environ`, "utf8");
      return { command, status, environment, openFiles: readdirSync(`${folder}/fd`) };
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

for (const [what, user, rights, seenUser] of [
  ["another's mail", WWW, { kind: "owner", account: WWW }, WWW],
  ["root's own", ROOT, { kind: "root", becomes: ENQUEUER }, ENQUEUER],
] as const) {
  test(`who hands in ${what} has the rights of uid ${seenUser.uid} and nothing of root`, {
    skip,
  }, async () => {
    await scene.stop();
    const path = `${scratch.folder}/silent.sock`;
    const server = await silent(path);
    scene.drop(user, "seen");
    const { folder } = scene;
    const start = handInLauncher({
      folder,
      socket: path,
      serverName: () => "example.test",
      setpriv: "/usr/bin/setpriv",
      log: { kind: "descriptor", fd: 2 },
    });
    const names = scene.names.filter((name) => statSync(`${folder}/${name}`).uid === user.uid);
    const handIn = start({ name: "x", login: undefined, rights, names }, 0);
    try {
      const { command, status, environment } = await seenAs(seenUser.uid);
      // All users see it.
      for (const name of names) assert.ok(!command.includes(name), command);
      const line = (name: string): string =>
        new RegExp(`^${name}:[\\t ]*(.*?)[\\t ]*$`, "mu").exec(status)?.[1] ?? "";
      assert.equal(line("Gid").split("\t")[0], String(seenUser.gid));
      assert.equal(line("Groups"), "");
      assert.equal(line("NoNewPrivs"), "1");
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.match(line(set), /^0+$/);
      assert.deepEqual(environment.split("\0").filter(Boolean).toSorted(), [
        `DROPPED=${names.join(" ")}`,
        "HOME=/",
        "LANG=C.UTF-8",
        "PATH=/usr/bin:/bin",
      ]);
    } finally {
      handIn.kill();
      await handIn.ended;
      server.close();
    }
    assert.equal(scene.names.length, 1, "what nobody took stays");
    await scene.start();
    await until(() => scene.names.length === 0, "empty drop folder");
  });
}

for (const [what, user, rights, exit] of [
  ["another's mail", GAMES, { kind: "owner", account: GAMES }, HAND_IN_EXIT.done],
  ["root's own", ROOT, { kind: "root", becomes: ENQUEUER }, HAND_IN_EXIT.givenUp],
] as const) {
  test(`the owner of ${what} that was refused for an hour gets it back with the reason`, {
    skip,
  }, async () => {
    const login = `owner${user.uid}`;
    const name = await refusedForAnHour(user);
    const path = `${scene.folder}/${name}`;
    assert.equal(await handsIn({ name: login, login, rights, names: [name] }), exit);
    await until(() => scene.arrivedFor(login).length === 1, "report");
    const [report = ""] = scene.arrivedFor(login);
    assert.doesNotMatch(report, /^Return-Path: <[^>]/mu);
    assert.match(report, /^From: Mailer Daemon <MAILER-DAEMON@example\.test>/mu);
    assert.match(report, /^Diagnostic-Code: smtp; 550 5\.1\.1 /mu);
    assert.match(report, /^Content-Type: message\/rfc822/mu);
    assert.ok(report.replaceAll(/\r?\n/gu, " ").includes(`${path}.failed`), report);
    // The parent renames root's.
    const left = exit === HAND_IN_EXIT.done ? `${path}.failed` : path;
    assert.equal(statSync(left).uid, user.uid);
    unlinkSync(left);
  });
}

test("a report to an owner whose login name looks like an address goes to nobody else", {
  skip,
}, async () => {
  const name = await refusedForAnHour(GAMES);
  const rights = { kind: "owner", account: GAMES } as const;
  const order = { name: "ann", login: "ann@example.test", rights, names: [name] };
  assert.equal(await handsIn(order), HAND_IN_EXIT.done);
  await scene.isSeen("after-ann");
  assert.deepEqual(scene.arrivedFor("ann"), []);
  unlinkSync(`${scene.folder}/${name}.failed`);
});

/** Drops mail of `user` that the daemon refuses, and makes it an hour old. @returns its name. */
async function refusedForAnHour(user: TestUser): Promise<string> {
  const others = new Set(scene.names);
  scene.dropFor(user, "refused@elsewhere.test");
  const [name = ""] = scene.names.filter((each) => !others.has(each));
  await until(() => scene.log.includes(`${name} is kept: <refused@elsewhere.test>`), "refusal");
  const anHourAgo = (Date.now() - REFUSED_TRIED_MS) / 1000 - 1;
  utimesSync(`${scene.folder}/${name}`, anHourAgo, anHourAgo);
  return name;
}

/** What the parent's process for `order` ends with. */
function handsIn(order: HandInOrder): Promise<number | string> {
  const start = handInLauncher({
    folder: scene.folder,
    socket: `${scene.state}/enqueue.sock`,
    serverName: () => "example.test",
    setpriv: "/usr/bin/setpriv",
    log: { kind: "descriptor", fd: 2 },
  });
  return start(order, 0).ended;
}

function sendmail(
  user: TestUser,
  args: readonly string[],
  letter: string,
): SpawnSyncReturns<string> {
  const line = `POSTRIDER_STATE='${scene.state}' '${SENDMAIL}' "$@"`;
  return scene.as(user, ["/bin/sh", "-c", line, "sendmail", ...args], letter);
}
