import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "#base/ports/random.ts";
import { withGroupedFolderSync } from "./grouped-folder-sync.ts";
import { deliverMaildir, type MaildirPorts } from "./maildir.ts";
import { WRITE_BYTES } from "./text-writing.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import type { SimDisk } from "#world/sim/disk.ts";
import { SimWorld } from "#world/sim/world.ts";

const PATH = "/home/bob/Maildir";
const TEXT = "Subject: x\r\n\r\n.hello\r\nworld\r\n";
const STORED =
  "Return-Path: <sender@client.example>\nDelivered-To: bob@server.example\nSubject: x\n\n.hello\nworld\n";

interface Request {
  readonly path?: string;
  readonly text?: string;
  readonly pieces?: number;
  readonly reversePath?: string;
  readonly destination?: string;
}

function deliver(ports: MaildirPorts, request: Request = {}): Promise<DeliveryResult> {
  const text = textOf(request.text ?? TEXT, request.pieces);
  const message = messageOf(text, { reversePath: request.reversePath ?? "sender@client.example" });
  const envelope = envelopeOf(request.destination ?? "bob@server.example");
  const mailbox = {
    path: request.path ?? PATH,
    hostname: "mail.example",
    junk: false,
    extension: "",
  };
  return deliverMaildir(ports, mailbox, { message, envelope, text });
}

function newWorld(): SimWorld {
  const world = new SimWorld(1);
  world.disk.plantFolder("/home/bob");
  return world;
}

function portsOf({ disk, clock, random }: SimWorld): MaildirPorts {
  return { files: disk.files(), clock, random };
}

/** Texts of the files in a folder; none if there is no such folder. */
async function textsIn(disk: SimDisk, folder: string): Promise<readonly string[]> {
  try {
    const names = await disk.files().list(folder);
    return names.map((name) => Buffer.from(disk.bytesOf(`${folder}/${name}`)).toString("latin1"));
  } catch {
    return [];
  }
}

test("Maildir delivery makes the folders and stores LF lines with its fields", async () => {
  for (let pieces = 1; pieces <= TEXT.length; pieces++) {
    const world = newWorld();
    const result = await deliver(portsOf(world), { pieces });
    assert.equal(result.outcome, "delivered");
    assert.equal(result.remote, PATH);
    assert.deepEqual(await textsIn(world.disk, `${PATH}/new`), [STORED]);
    assert.deepEqual(await textsIn(world.disk, `${PATH}/tmp`), []);
    assert.equal((await world.disk.files().stat(`${PATH}/cur`)).mode & 0o777, 0o700);
    assert.equal(world.disk.openFiles, 0);
  }
});

test("Maildir delivery names its files TIME.UNIQUE.HOST", async () => {
  const world = newWorld();
  await deliver(portsOf(world));
  const [name = ""] = await world.disk.files().list(`${PATH}/new`);
  assert.match(name, /^1767225600\.[0-9a-f]{24}\.mail\.example$/);
});

test("Maildir delivery keeps a lone CR, completes the last line, and takes an empty text", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["a\rb\r\r\n", "a\rb\r\n"],
    ["a", "a\n"],
    ["a\r", "a\r\n"],
    ["", ""],
  ];
  for (const [text, stored] of cases) {
    for (const pieces of [1, 2, 3, 4]) {
      const world = newWorld();
      await deliver(portsOf(world), { text, pieces, reversePath: "" });
      const expected = `Delivered-To: bob@server.example\n${stored}`;
      assert.deepEqual(await textsIn(world.disk, `${PATH}/new`), [expected]);
    }
  }
});

test("Maildir delivery lets no address add a field", async () => {
  const world = newWorld();
  await deliver(portsOf(world), { reversePath: "a@x>\r\nX-Evil: 1", text: "" });
  const [stored = ""] = await textsIn(world.disk, `${PATH}/new`);
  assert.equal(stored.split("\n").length, 3);
});

test("Maildir delivery finds a loop, in the header only and without case", async () => {
  const header = "A: b\r\ndelivered-TO:  BOB@server.example \r\n\r\n";
  for (let pieces = 1; pieces < header.length; pieces++) {
    const world = newWorld();
    const result = await deliver(portsOf(world), { text: header, pieces });
    assert.deepEqual([result.outcome, result.status], ["loop", "5.4.6"]);
  }
  const other = await deliver(portsOf(newWorld()), {
    text: "Delivered-To: alice@server.example\r\n\r\nDelivered-To: bob@server.example\r\n",
  });
  assert.equal(other.outcome, "delivered");
});

test("Maildir delivery refuses a path that could lead elsewhere", async () => {
  for (const path of [
    "Maildir",
    "/home/../etc",
    "/home/bob\0/x",
    "/home/bob/..",
    `/${"x".repeat(5000)}`,
  ]) {
    const world = newWorld();
    const result = await deliver(portsOf(world), { path });
    assert.equal(result.outcome, "failed", path);
    assert.equal(world.disk.operations, 0);
  }
});

test("Maildir delivery never replaces a file, even when chance repeats itself", async () => {
  const world = newWorld();
  let draws = 0;
  const random: Random = {
    fill: (target) => target,
    // The same name three times, then others.
    uint32: () => (draws++ < 9 ? 7 : draws),
  };
  const ports = { ...portsOf(world), random };
  const first = await deliver(ports, { text: "first\r\n" });
  const second = await deliver(ports, { text: "second\r\n" });
  assert.deepEqual([first.outcome, second.outcome], ["delivered", "delivered"]);
  const stored = await textsIn(world.disk, `${PATH}/new`);
  const lastLines = new Set(stored.map((text) => text.split("\n").at(-2)));
  assert.deepEqual(lastLines, new Set(["first", "second"]));
  const stuck: Random = { fill: (target) => target, uint32: () => 7 };
  const third = await deliver({ ...ports, random: stuck }, { text: "third\r\n" });
  assert.equal(third.outcome, "deferred");
  assert.equal((await textsIn(world.disk, `${PATH}/new`)).length, 2);
});

/** Of several writes, which one sync makes durable; a small one is durable with its only write. */
const LARGE_TEXT = `${TEXT}${"x".repeat(WRITE_BYTES)}`;
const LARGE_STORED = `${STORED}${"x".repeat(WRITE_BYTES)}\n`;

for (const [size, text, stored] of [
  ["small", TEXT, STORED],
  ["large", LARGE_TEXT, LARGE_STORED],
] as const) {
  test(`Maildir delivery of a ${size} text survives a power cut at each operation once it said delivered`, async () => {
    await cutAtEach(text, stored);
  });
}

async function cutAtEach(text: string, whole: string): Promise<void> {
  const uncut = newWorld();
  await deliver(portsOf(uncut), { text });
  const { operations } = uncut.disk;
  assert.ok(operations > 8);
  for (let cutAt = 1; cutAt <= operations + 1; cutAt++) {
    const world = newWorld();
    world.disk.losePowerAt(cutAt);
    const delivery = deliver(portsOf(world), { text });
    const result = await Promise.race([delivery, world.clock.settle()]);
    const stored = await textsIn(world.disk.crash(), `${PATH}/new`);
    if (result !== undefined) assert.equal(result.outcome, "delivered");
    const isWhole = stored.length === 1 && stored[0] === whole;
    assert.ok(isWhole || (result === undefined && stored.length === 0), `cut at ${cutAt}`);
  }
}

for (const [code, status] of [
  ["ENOSPC", "4.3.1"],
  ["EDQUOT", "4.2.2"],
  ["EIO", "4.3.0"],
  ["EACCES", "4.3.5"],
] as const) {
  test(`Maildir delivery defers with ${status} and leaves nothing when a call fails with ${code}`, async () => {
    for (const operation of ["open", "write", "sync", "close", "link", "syncFolder"] as const) {
      const world = newWorld();
      await deliver(portsOf(world));
      world.disk.failNext(operation, code);
      const result = await deliver(
        portsOf(world),
        operation === "sync" ? { text: LARGE_TEXT } : {},
      );
      assert.deepEqual([result.outcome, result.status], ["deferred", status], operation);
      assert.equal((await textsIn(world.disk, `${PATH}/new`)).length, 1, operation);
      assert.equal((await textsIn(world.disk, `${PATH}/tmp`)).length, 0, operation);
    }
    const world = newWorld();
    world.disk.failNext("makeFolder", code);
    assert.equal((await deliver(portsOf(world))).status, status);
  });
}

test("Maildir delivery fails for good where the path is longer than the system takes", async () => {
  const world = newWorld();
  await deliver(portsOf(world));
  world.disk.failNext("open", "ENAMETOOLONG");
  const result = await deliver(portsOf(world));
  assert.deepEqual([result.outcome, result.status], ["failed", "5.1.1"]);
});

test("Maildir delivery is done although the file under tmp/ cannot be removed", async () => {
  const world = newWorld();
  world.disk.failNext("unlink", "EIO");
  assert.equal((await deliver(portsOf(world))).outcome, "delivered");
});

test("Maildir delivery defers where new/ is no folder or a symbolic link", async () => {
  const world = newWorld();
  world.disk.plantFolder(`${PATH}/tmp`);
  world.disk.plantFile(`${PATH}/new`, Buffer.from(""));
  const result = await deliver(portsOf(world));
  assert.deepEqual([result.outcome, result.status], ["deferred", "4.3.5"]);
  assert.deepEqual(await textsIn(world.disk, `${PATH}/tmp`), []);
});

test("Maildir delivery defers a text that is shorter than it should be", async () => {
  const world = newWorld();
  const text = { ...textOf(TEXT), bytes: TEXT.length + 1 };
  const result = await deliverMaildir(
    portsOf(world),
    { path: PATH, hostname: "h", junk: false, extension: "" },
    { message: messageOf(text), envelope: envelopeOf("bob@server.example"), text },
  );
  assert.equal(result.outcome, "deferred");
  assert.deepEqual(await textsIn(world.disk, `${PATH}/new`), []);
});

test("grouped folder sync shares one sync among those who wait", async () => {
  const world = new SimWorld(1, { disk: { latencyMs: 5 } });
  world.disk.plantFolder("/mail");
  let syncs = 0;
  world.disk.onOperation = ({ name }) => {
    if (name === "syncFolder") syncs++;
  };
  const files = withGroupedFolderSync(world.disk.files());
  const calls = Array.from({ length: 20 }, () => files.syncFolder("/mail"));
  await world.clock.runUntilSettled(Promise.all(calls), 1000);
  assert.equal(syncs, 2);
  await world.clock.runUntilSettled(files.syncFolder("/mail"), 1000);
  assert.equal(syncs, 3);
});

test("grouped folder sync gives a failure to those whose sync it was, and goes on", async () => {
  const world = new SimWorld(1, { disk: { latencyMs: 5 } });
  world.disk.plantFolder("/mail");
  world.disk.failNext("syncFolder", "EIO");
  const files = withGroupedFolderSync(world.disk.files());
  const calls = Promise.allSettled([files.syncFolder("/mail"), files.syncFolder("/mail")]);
  const settled = await world.clock.runUntilSettled(calls, 1000);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ["rejected", "fulfilled"],
  );
  await world.clock.runUntilSettled(files.syncFolder("/mail"), 1000);
});

/** Where in the Maildir the one message ended. */
async function folderOf(disk: SimDisk, folders: readonly string[]): Promise<string> {
  const counts = await Promise.all(folders.map((folder) => textsIn(disk, `${folder}/new`)));
  return folders.filter((_, at) => counts[at]?.length === 1).join(" ");
}

async function deliverTo(
  world: SimWorld,
  text: string,
  changes: { readonly junk?: boolean; readonly extension?: string } = {},
): Promise<DeliveryResult> {
  const body = textOf(text);
  const mailbox = { path: PATH, hostname: "h", junk: false, extension: "", ...changes };
  const envelope = envelopeOf("bob@server.example");
  return deliverMaildir(portsOf(world), mailbox, {
    message: messageOf(body),
    envelope,
    text: body,
  });
}

const JUNK_CASES: readonly (readonly [header: string, isJunk: boolean])[] = [
  ["X-Spam: yes", true],
  ["x-spam-FLAG: YES", true],
  ["X-Spam: no", false],
  ["X-Spam: yes indeed", false],
  ["X-Spam:yes", false],
  ["Subject: x\r\n\r\nX-Spam: yes", false],
];

for (const [header, isJunk] of JUNK_CASES) {
  test(`Maildir delivery with junk puts ${JSON.stringify(header)} ${isJunk ? "in .Junk" : "where all mail goes"}`, async () => {
    const world = newWorld();
    await deliverTo(world, `${header}\r\n\r\n`, { junk: true, extension: "lists" });
    assert.equal(
      await folderOf(world.disk, [PATH, `${PATH}/.Junk`]),
      isJunk ? `${PATH}/.Junk` : PATH,
    );
  });
}

test("Maildir delivery without junk looks at no such field", async () => {
  const world = newWorld();
  await deliverTo(world, "X-Spam: yes\r\n\r\n");
  assert.equal(await folderOf(world.disk, [PATH, `${PATH}/.Junk`]), PATH);
});

test("a sub-address has its folder where there is one, never makes it, and leads nowhere else", async () => {
  for (const [extension, folder] of [
    ["lists", `${PATH}/.lists`],
    ["a/b", `${PATH}/.a:b`],
    ["none", PATH],
    [".", PATH],
    ["./x", PATH],
    ["x".repeat(500), PATH],
  ] as const) {
    const world = newWorld();
    for (const made of [PATH, `${PATH}/.lists`, `${PATH}/.a:b`, "/home/bob/new"])
      world.disk.plantFolder(made);
    const result = await deliverTo(world, "\r\n", { extension });
    assert.equal(result.outcome, "delivered", result.diagnostic);
    const at = await folderOf(world.disk, [PATH, `${PATH}/.lists`, `${PATH}/.a:b`, "/home/bob"]);
    assert.equal(at, folder, extension);
  }
});

/** A Maildir with this quota, and a message of 100 bytes in it that is not counted. */
async function withQuota(quota: string): Promise<SimWorld> {
  const world = newWorld();
  for (const folder of ["", "/tmp", "/new", "/cur"]) world.disk.plantFolder(`${PATH}${folder}`);
  await plant(world, `${PATH}/maildirsize`, quota);
  await plant(world, `${PATH}/cur/1.a,S=100:2,S`, "");
  return world;
}

async function plant(world: SimWorld, path: string, text: string): Promise<void> {
  const file = await world.disk.files().open(path, "create");
  await file.write([Buffer.from(text)], 0);
  await file.close();
}

const quotaOf = (world: SimWorld): string =>
  Buffer.from(world.disk.bytesOf(`${PATH}/maildirsize`)).toString();

test("a quota counts what is delivered, and ends with 5.2.2 what has no room", async () => {
  const world = await withQuota("500S\n0 0\n");
  assert.equal((await deliverTo(world, "x\r\n")).outcome, "delivered");
  const [stored = ""] = await textsIn(world.disk, `${PATH}/new`);
  assert.equal(quotaOf(world), `500S\n0 0\n${stored.length} 1\n`);
  const large = await deliverTo(world, "x".repeat(480));
  assert.deepEqual([large.outcome, large.status], ["failed", "5.2.2"]);
});

test("a sum that leaves no room is counted anew before it is believed", async () => {
  const world = await withQuota("500S,9C\n9000 8\n-1 0\n");
  assert.equal((await deliverTo(world, "x\r\n")).outcome, "delivered");
  assert.match(quotaOf(world), /^500S,9C\n100 1\n\d+ 1\n$/u);
});

test("a fresh sum is believed, an old one is not", async () => {
  const world = await withQuota("500S\n9000 8\n");
  assert.equal((await deliverTo(world, "x\r\n")).outcome, "failed");
  await world.clock.advance(16 * 60_000);
  assert.equal((await deliverTo(world, "x\r\n")).outcome, "delivered");
});

test("what is no quota limits nothing", async () => {
  for (const quota of ["", "nonsense\n", "0S,0C\n", "\0\0\0"]) {
    assert.equal((await deliverTo(await withQuota(quota), "x\r\n")).outcome, "delivered", quota);
  }
});
