/**
 * Hostile users of this machine and the drop folder, against the real daemon: what they plant is
 * not sent, harms no other's mail, and stays; no process of more rights than theirs opens it.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { after, before, test } from "node:test";
import { MAX_HEAD_BYTES } from "#engine/enqueue/dropped-head.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { EVIL_TEXT, GAMES, headOf, OfflineScene, ROOT, WWW } from "./offline-scene.ts";
import { run } from "./peer-program.ts";
import { RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || (!RUNS_AS_ROOT && "needs root, and other users");

const TERABYTE = 2 ** 40;

let scratch: Scratch;
let scene: OfflineScene;
let markers = 0;
let planted = 0;

before(async () => {
  if (skip !== false) return;
  scratch = new Scratch();
  scene = new OfflineScene(scratch);
  await scene.start();
});

after(async () => {
  if (skip !== false) return;
  const { log, recipients } = scene;
  await scratch[Symbol.asyncDispose]();
  assert.doesNotMatch(log, /starting it again/, "no process died");
  assert.ok(!recipients.includes("evil"), "nothing of what was planted was sent");
});

/** A name that mail has. */
function nextName(): string {
  return (++planted).toString(16).padStart(32, "e");
}

/** What is in the folder by now has been looked at. */
function seen(): Promise<void> {
  return scene.isSeen(`seen-${++markers}`);
}

/** The user WWW makes a file that says that it is complete. */
function plant(content: string, mode = "0700"): string {
  const name = nextName();
  const path = `${scene.folder}/${name}`;
  writeFileSync(path, content, { mode: 0o600 });
  chownSync(path, WWW.uid, WWW.gid);
  const { status, stderr } = scene.shell(WWW, `chmod ${mode} ${name}`);
  assert.equal(status, 0, stderr);
  return name;
}

async function isGivenUp(name: string): Promise<void> {
  const failed = `${scene.folder}/${name}.failed`;
  await until(() => existsSync(failed), `${name} to be given up`);
  assert.equal(statSync(failed).uid, WWW.uid, "its owner's still");
}

for (const { id, what, line } of [
  { id: "LOC-05", what: "a symbolic link to a file of root's", line: "ln -s /etc/shadow NAME" },
  { id: "LOC-05", what: "a symbolic link to a file of his own", line: "ln -s /tmp NAME" },
  { id: "LOC-05", what: "a symbolic link to itself", line: "ln -s NAME NAME" },
  { id: "LOC-06", what: "a FIFO", line: "mkfifo -m 0700 NAME" },
  { id: "LOC-06", what: "a folder", line: "mkdir -m 0700 NAME" },
]) {
  test(`${id}: ${what} is left alone and told of`, { skip }, async () => {
    const name = nextName();
    const { status, stderr } = scene.shell(WWW, line.replaceAll("NAME", name));
    assert.equal(status, 0, stderr);
    await seen();
    assert.ok(scene.names.includes(name));
    assert.match(scene.log, /warn: offline mail: \d+ in .* is no mail and stays there/);
  });
}

test("LOC-06: a device that belongs to a user is left alone", { skip }, async () => {
  const name = nextName();
  const path = `${scene.folder}/${name}`;
  const { code } = await run(["mknod", "-m", "0700", path, "c", "1", "5"]); // /dev/zero
  assert.equal(code, 0);
  chownSync(path, WWW.uid, WWW.gid);
  await seen();
  assert.ok(lstatSync(path).isCharacterDevice());
});

test("a socket in place of mail is left alone", { skip }, async () => {
  const name = nextName();
  const script = `require("node:net").createServer().listen(${JSON.stringify(`${scene.folder}/${name}`)}, () => { require("node:fs").chmodSync(${JSON.stringify(`${scene.folder}/${name}`)}, 0o700); process.kill(process.pid, "SIGKILL"); })`;
  scene.as(WWW, [process.execPath, "-e", script]);
  await seen();
  assert.ok(lstatSync(`${scene.folder}/${name}`).isSocket());
});

test("LOC-05: mail under two names is not sent, whosever second name it is", { skip }, async () => {
  const name = plant(headOf() + EVIL_TEXT, "0600");
  const path = `${scene.folder}/${name}`;
  linkSync(path, `${scratch.folder}/second`);
  scene.shell(WWW, `chmod 0700 ${name}`);
  await seen();
  assert.ok(scene.names.includes(name));
  assert.ok(!scene.names.includes(`${name}.failed`));
  unlinkSync(path);
});

test("LOC-05: root's files cannot be linked into the folder as mail", { skip }, async () => {
  const name = nextName();
  // By root, as where fs.protected_hardlinks is off a user could.
  writeFileSync(`${scratch.folder}/secret`, "secret\n", { mode: 0o700 });
  linkSync(`${scratch.folder}/secret`, `${scene.folder}/${name}`);
  await seen();
  assert.ok(scene.names.includes(name));
  // Even when its other name goes it is none of ours: root's process says so, and nobody reads on.
  unlinkSync(`${scratch.folder}/secret`);
  await seen();
  await until(() => scene.names.includes(`${name}.failed`), "root's file to be given up");
  assert.equal(readFileSync(`${scene.folder}/${name}.failed`, "utf8"), "secret\n");
});

for (const mode of ["0600", "0644", "04700", "06700", "0777", "01700"]) {
  test(`a whole message of mode ${mode} is not sent`, { skip }, async () => {
    const name = plant(headOf() + EVIL_TEXT, mode);
    await seen();
    assert.ok(scene.names.includes(name));
    unlinkSync(`${scene.folder}/${name}`);
  });
}

for (const [what, content] of [
  ["LOC-06: a file of nothing", ""],
  ["a file of passwords", "root:x:0:0:root:/root:/bin/sh\n"],
  ["a head that is cut", headOf().slice(0, 40)],
  ["arguments as OpenSMTPD has them", `-t|-f|evil@example.test\n${EVIL_TEXT}`],
  ["recipients that are no addresses", headOf({ forwardPaths: [1, 2] }) + EVIL_TEXT],
  [
    "commands behind the envelope id",
    headOf({ envelopeId: "x\r\nRCPT TO:<evil@example.test>" }) + EVIL_TEXT,
  ],
  ["a head without end", `postrider-mail 1 00000000\n${"x".repeat(MAX_HEAD_BYTES)}`],
] as const) {
  test(`${what} is given up, kept and told of`, { skip }, async () => {
    const name = plant(content);
    await isGivenUp(name);
    const told = `warn: offline mail of www-data: ${name} is given up: `;
    await until(() => scene.log.includes(told), told);
    unlinkSync(`${scene.folder}/${name}.failed`);
  });
}

for (const [what, change] of [
  ["a sender", { reversePath: "a@b>\r\nRCPT TO:<evil@example.test" }],
  ["a recipient", { forwardPaths: ["x@y>\r\nDATA\r\n.\r\nMAIL FROM:<evil@example.test"] }],
] as const) {
  test(`commands in ${what} are not spoken to the daemon`, { skip }, async () => {
    const name = plant(headOf(change) + EVIL_TEXT);
    await until(() => scene.log.includes(`${name} is kept: `), "refusal");
    assert.ok(scene.names.includes(name));
    unlinkSync(`${scene.folder}/${name}`);
  });
}

for (const [what, text] of [
  ["dots", "Subject: x\r\n\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<evil@example.test>\r\n"],
  ["bare LFs", "Subject: x\n\n.\nMAIL FROM:<a@b>\nRCPT TO:<evil@example.test>\n.\n"],
  ["bare CRs", "Subject: x\r\n\r\n\r.\rMAIL FROM:<a@b>\r.\r\n"],
] as const) {
  test(`SMTP in a text, behind ${what}, makes no second message`, { skip }, async () => {
    const name = plant(headOf({ forwardPaths: [`smuggled-${markers}@example.test`] }) + text);
    await until(
      () => !scene.names.includes(name) || scene.log.includes(`${name} is kept: `),
      "answer of the daemon",
    );
    await seen();
    assert.ok(!scene.recipients.includes("evil"));
    if (scene.names.includes(name)) unlinkSync(`${scene.folder}/${name}`);
  });
}

test("LOC-06: a terabyte of nothing behind a head is refused by its size, at once", {
  skip,
}, async () => {
  const name = plant(headOf(), "0600");
  scene.shell(WWW, `truncate -s ${TERABYTE} ${name} && chmod 0700 ${name}`);
  await until(() => scene.log.includes(`${name} is kept: `), "refusal");
  unlinkSync(`${scene.folder}/${name}`);
});

test("nobody sees, reads, renames, replaces or removes what another has dropped", {
  skip,
}, async () => {
  const name = plant(headOf() + EVIL_TEXT, "0600");
  for (const [line, why] of [
    ["ls .", /Permission denied/],
    [`cat ${name}`, /Permission denied/],
    [`echo x >> ${name}`, /Permission denied/],
    [`rm -f ${name}`, /not permitted/],
    [`mv ${name} ${nextName()}`, /not permitted/],
    [
      `touch /tmp/offline-other && mv -f /tmp/offline-other ${name}`,
      /not permitted|Permission denied/,
    ],
    [`ln ${name} ${nextName()}`, /not permitted/],
    [`chmod 0700 ${name}`, /not permitted/],
  ] as const) {
    const { status, stderr } = scene.shell(GAMES, line);
    assert.notEqual(status, 0, line);
    assert.match(stderr, why, line);
  }
  scene.shell(GAMES, "rm -f /tmp/offline-other");
  assert.equal(readFileSync(`${scene.folder}/${name}`, "utf8"), headOf() + EVIL_TEXT);
  unlinkSync(`${scene.folder}/${name}`);
});

test("names that move a terminal or end a line are told as text", { skip }, async () => {
  const seenBefore = scene.log.length;
  scene.shell(WWW, "touch \"$(printf 'a\\033[2J\\nwarn: root')\" ./-rf .hidden");
  await seen();
  assert.match(scene.log.slice(seenBefore), /^[ -~\n]*$/);
  assert.doesNotMatch(scene.log, /^warn: root/m);
});

test("files of the daemon's users, and of nobody that the system knows, are not handed in", {
  skip,
}, async () => {
  const [queue] = (await run(["id", "-u", "_smtpq"])).output.trim().split("\n");
  for (const [uid, why] of [
    [Number(queue), "it is a user of the daemon"],
    [54_321, "there is no such user"],
  ] as const) {
    const name = plant(headOf() + EVIL_TEXT, "0600");
    const path = `${scene.folder}/${name}`;
    chownSync(path, uid, 0);
    scene.as({ uid, gid: 0 }, ["/bin/chmod", "0700", path]);
    await until(() => scene.log.includes(`of uid ${uid} not handed in, and kept: ${why}`), why);
    assert.ok(scene.names.includes(name));
    unlinkSync(path);
  }
});

test("a user who changes his files all the time has nothing sent but what is his", {
  skip,
}, async () => {
  writeFileSync(`${scratch.folder}/private`, headOf() + EVIL_TEXT, { mode: 0o600 });
  const name = nextName();
  const script = `
    const fs = require("node:fs");
    process.chdir(${JSON.stringify(scene.folder)});
    const quietly = (f) => { try { f(); } catch {} };
    const endMs = Date.now() + 4000;
    while (Date.now() < endMs) {
      quietly(() => fs.writeFileSync(${JSON.stringify(name)}, "x", { mode: 0o600 }));
      quietly(() => fs.chmodSync(${JSON.stringify(name)}, 0o700));
      quietly(() => fs.unlinkSync(${JSON.stringify(name)}));
      quietly(() => fs.symlinkSync(${JSON.stringify(`${scratch.folder}/private`)}, ${JSON.stringify(name)}));
      quietly(() => fs.unlinkSync(${JSON.stringify(name)}));
      quietly(() => fs.linkSync(${JSON.stringify(`${scratch.folder}/private`)}, ${JSON.stringify(name)}));
    }`;
  const child = spawn(process.execPath, ["-e", script], { ...WWW, cwd: "/", stdio: "ignore" });
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  await seen();
  await ended;
  await seen();
  assert.ok(!scene.recipients.includes("evil"));
});

test("a user who fills the folder does not hold up another's mail, and has all of his sent once", {
  skip,
}, async () => {
  const count = 300;
  scene.drop(WWW, "flood", count);
  await seen();
  await until(() => scene.arrivedFor("flood").length >= count, "flood", 120_000);
  assert.equal(scene.arrivedFor("flood").length, count);
});

test("LOC-06: ten thousand entries that are no mail cost a look, and no start", {
  skip,
}, async () => {
  await scene.stop();
  const script = `for (let n = 0; n < 10_000; n++) require("node:fs").writeFileSync(${JSON.stringify(`${scene.folder}/x`)} + n, "")`;
  scene.as(WWW, [process.execPath, "-e", script]);
  const begunMs = performance.now();
  await scene.start();
  assert.ok(performance.now() - begunMs < 20_000);
  await seen();
  const names = readdirSync(scene.folder);
  assert.ok(names.length >= 10_000);
  for (const name of names) if (/^x\d+$/.test(name)) unlinkSync(`${scene.folder}/${name}`);
});

test("a process that hands in and is stopped by its user keeps nobody else waiting", {
  skip,
}, async () => {
  const script = `
    const fs = require("node:fs");
    const endMs = Date.now() + 20_000;
    while (Date.now() < endMs) {
      for (const pid of fs.readdirSync("/proc")) {
        try {
          if (!/^\\d+$/.test(pid) || fs.statSync("/proc/" + pid).uid !== ${WWW.uid}) continue;
          if (!fs.readFileSync("/proc/" + pid + "/cmdline", "utf8").includes("hand-in" + "-main")) continue;
          process.kill(Number(pid), "SIGSTOP");
          console.log(pid);
          process.exit(0);
        } catch {}
      }
    }`;
  const child = spawn(process.execPath, ["-e", script], {
    ...WWW,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
  let pid = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    pid += text;
  });
  scene.drop(WWW, "stopped");
  await until(() => pid.endsWith("\n"), "process that hands in");
  await seen();
  process.kill(Number(pid), "SIGCONT");
  await until(() => scene.arrivedFor("stopped").length === 1, "mail of the stopped process");
});

test("a daemon that is killed at any time while it hands in loses nothing", { skip }, async () => {
  const count = 60;
  scene.drop(WWW, "killed", count);
  await until(() => scene.arrivedFor("killed").length > 0, "first of them");
  await scene.kill();
  await scene.start();
  await until(
    () => scene.names.every((name) => !/^[0-9a-f]{32}$/.test(name) || statOf(name) !== WWW.uid),
    "all handed in",
    90_000,
  );
  await until(() => scene.arrivedFor("killed").length >= count, "all mail", 60_000);
});

function statOf(name: string): number | undefined {
  const stat = lstatSync(`${scene.folder}/${name}`, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o7777) === 0o700 ? stat.uid : undefined;
}

test("root's own mail is sent while all this is there", { skip }, async () => {
  scene.drop(ROOT, "roots");
  await until(() => scene.arrivedFor("roots").length === 1, "root's mail");
});
