import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { DiskOperationName } from "#world/sim/disk-operations.ts";
import { SimWorld } from "#world/sim/world.ts";
import { openDropped } from "./dropped-file.ts";
import { folderDropBox } from "./folder-drop-box.ts";
import type { HandedIn } from "./hand-in.ts";
import { type DropEnd, handInDropped } from "./hand-in-dropped.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

const FOLDER = "/offline";
const UID = 1000;

const MAIL: OutgoingMail = {
  reversePath: "ann@example.org",
  forwardPaths: ["bob@example.org", "eve@example.org", "zoë@example.org"],
  notify: undefined,
  returns: undefined,
  envelopeId: "",
  is8bit: false,
};

function textOf(...pieces: readonly string[]): MessageText {
  return {
    bytes: Buffer.byteLength(pieces.join("")),
    async *chunks() {
      for (const piece of pieces) yield Buffer.from(piece);
    },
  };
}

const TEXT = textOf("Subject: x\r\n", "\r\n", "hello\r\n");

function machine() {
  const world = new SimWorld(7, { disk: { uid: UID } });
  world.disk.plantFolder(FOLDER, { mode: 0o1733, uid: 0 });
  const files = world.disk.files();
  const box = folderDropBox({ files, random: world.random }, FOLDER);
  return { world, files, box };
}

/** A machine on which MAIL waits, and the path of its file. */
async function dropped(text: MessageText = TEXT) {
  const { world, files, box } = machine();
  assert.deepEqual(await box.drop(MAIL, text), { kind: "dropped" });
  const [name] = await files.list(FOLDER);
  assert.match(name ?? "", /^[0-9a-f]{32}$/);
  return { world, files, path: `${FOLDER}/${name}` };
}

/** What comes of the file when the daemon answers `answer`, and what it was told. */
async function handedIn(
  given: Awaited<ReturnType<typeof dropped>>,
  answer: HandedIn,
): Promise<{ readonly end: DropEnd; readonly told: readonly string[] }> {
  const { files, path, world } = given;
  const told: string[] = [];
  const end = await handInDropped(
    {
      files,
      random: world.random,
      wallMs: () => world.clock.wallMs(),
      async handIn(mail, text) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of text.chunks()) chunks.push(chunk);
        told.push(mail.reversePath, ...mail.forwardPaths, Buffer.concat(chunks).toString());
        return answer;
      },
    },
    path,
    { uid: UID, owner: undefined, takenSinceMs: 0 },
  );
  return { end, told };
}

const NOT_NOW: HandedIn = {
  kind: "not-now",
  complaints: [{ address: undefined, text: "connect ECONNREFUSED (at CONNECT)", status: "" }],
  takenFor: 0,
};

test("what is dropped is complete, its owner's alone, and on disk", async () => {
  const { files, path, world } = await dropped();
  const { mode, uid } = await files.stat(path);
  assert.deepEqual([mode, uid], [0o700, UID]);
  assert.equal(world.disk.openFiles, 0);
  assert.ok(
    Buffer.from(world.disk.bytesOf(path)).toString().endsWith("}\nSubject: x\r\n\r\nhello\r\n"),
  );
});

for (const operation of ["open", "write", "seal"] satisfies readonly DiskOperationName[]) {
  for (const code of ["ENOSPC", "EACCES", "EIO"]) {
    test(`${code} at ${operation}: it is not dropped, and nothing stays`, async () => {
      const { world, files, box } = machine();
      world.disk.failNext(operation, code);
      const outcome = await box.drop(MAIL, TEXT);
      assert.equal(outcome.kind, "failed");
      assert.deepEqual(await files.list(FOLDER), []);
      assert.equal(world.disk.openFiles, 0);
    });
  }
}

test("without a folder it is not dropped, and the reason says so", async () => {
  const { random, disk } = new SimWorld(1);
  const outcome = await folderDropBox({ files: disk.files(), random }, FOLDER).drop(MAIL, TEXT);
  assert.equal(outcome.kind, "failed");
});

test("a text that is not as long as it was, or cannot be read, is not dropped", async () => {
  for (const text of [
    { ...TEXT, bytes: TEXT.bytes + 1 },
    {
      bytes: 5,
      async *chunks() {
        yield Buffer.from("ab");
        throw new FilesError("EIO", "gone");
      },
    },
  ]) {
    const { files, box } = machine();
    assert.equal((await box.drop(MAIL, text)).kind, "failed");
    assert.deepEqual(await files.list(FOLDER), []);
  }
});

test("a drop that is cut short at any operation leaves nothing that would be handed in, or all", async () => {
  const { world: first } = await dropped();
  for (let operation = 1; operation <= first.disk.operations; operation++) {
    const { world, box } = machine();
    world.disk.losePowerAt(operation);
    let isTold = false;
    void box.drop(MAIL, TEXT).finally(() => {
      isTold = true;
    });
    await world.clock.settle();
    const files = world.disk.crash().files();
    for (const name of await files.list(FOLDER)) {
      const { mode } = await files.stat(`${FOLDER}/${name}`);
      if (mode !== 0o700) continue;
      const opened = await openDropped({ files, nowMs: 0 }, `${FOLDER}/${name}`, UID);
      assert.equal(opened.kind, "mail", `after operation ${operation}`);
      assert.equal(opened.dropped.text.bytes, TEXT.bytes);
    }
    assert.ok(!isTold || operation === first.disk.operations, `told at ${operation}`);
  }
});

test("the daemon is told all that was dropped, and then the file may go", async () => {
  const { end, told } = await handedIn(await dropped(), { kind: "taken" });
  assert.deepEqual(end, { kind: "taken" });
  assert.deepEqual(told, [MAIL.reversePath, ...MAIL.forwardPaths, "Subject: x\r\n\r\nhello\r\n"]);
});

test("a text of several pieces arrives as it was", async () => {
  const long = "0123456789abcde\r\n".repeat(20_000);
  const { told } = await handedIn(await dropped(textOf(long)), { kind: "taken" });
  assert.equal(told.at(-1), long);
});

test("not now: it stays", async () => {
  const given = await dropped();
  const { end } = await handedIn(given, NOT_NOW);
  assert.deepEqual(end, { kind: "stays", why: "connect ECONNREFUSED (at CONNECT)" });
  assert.deepEqual((await handedIn(given, { kind: "taken" })).end, { kind: "taken" });
});

test("those who have it are not sent it again", async () => {
  const given = await dropped();
  await handedIn(given, { ...NOT_NOW, takenFor: 1 });
  const second = await handedIn(given, { ...NOT_NOW, takenFor: 1 });
  assert.deepEqual(second.told.slice(0, -1), [MAIL.reversePath, ...MAIL.forwardPaths.slice(1)]);
  const third = await handedIn(given, { kind: "taken" });
  assert.deepEqual(third.told.slice(0, -1), [MAIL.reversePath, ...MAIL.forwardPaths.slice(2)]);
});

test("a file that shrinks while it is sent is not sent as if it were whole", async () => {
  const { files, path, world } = await dropped();
  const opened = await openDropped({ files, nowMs: world.clock.wallMs() }, path, UID);
  assert.ok(opened.kind === "mail");
  const other = await files.open(path, "update");
  await other.truncate(100);
  await assert.rejects(async () => {
    for await (const _ of opened.dropped.text.chunks()) continue;
  }, FilesError);
});

for (const [what, plant, expected] of [
  ["nothing", () => undefined, "not-there"],
  ["a symbolic link", ({ disk }: SimWorld) => disk.plantSymlink(`${FOLDER}/x`), "not-there"],
  ["a folder", ({ disk }: SimWorld) => disk.plantFolder(`${FOLDER}/x`), "not-there"],
  [
    "another's file",
    ({ disk }: SimWorld) =>
      disk.plantFile(`${FOLDER}/x`, Buffer.from("x"), { uid: UID + 1, mode: 0o700 }),
    "not-there",
  ],
  [
    "a file that is not complete",
    ({ disk }: SimWorld) => disk.plantFile(`${FOLDER}/x`, Buffer.from("x"), { mode: 0o600 }),
    "not-there",
  ],
  [
    "an empty file",
    ({ disk }: SimWorld) => disk.plantFile(`${FOLDER}/x`, Buffer.from(""), { mode: 0o700 }),
    "given-up",
  ],
  [
    "a file of something else",
    ({ disk }: SimWorld) => disk.plantFile(`${FOLDER}/x`, Buffer.from("x\n"), { mode: 0o700 }),
    "given-up",
  ],
] as const) {
  test(`${what} in place of mail is handed to nobody`, async () => {
    const { world, files } = machine();
    plant(world);
    const given = { world, files, path: `${FOLDER}/x` };
    const { end, told } = await handedIn(given, { kind: "taken" });
    assert.equal(end.kind, expected);
    assert.deepEqual(told, []);
    assert.equal(world.disk.openFiles, 0);
  });
}
