import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "#base/ports/random.ts";
import { withGroupedFolderSync } from "./grouped-folder-sync.ts";
import { deliverMaildir, type MaildirPorts } from "./maildir.ts";
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
  const mailbox = { path: request.path ?? PATH, hostname: "mail.example" };
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

test("Maildir delivery survives a power cut at each operation once it said delivered", async () => {
  const whole = newWorld();
  await deliver(portsOf(whole));
  const operations = whole.disk.operations;
  assert.ok(operations > 8);
  for (let cutAt = 1; cutAt <= operations + 1; cutAt++) {
    const world = newWorld();
    world.disk.losePowerAt(cutAt);
    const delivery = deliver(portsOf(world));
    const result = await Promise.race([delivery, world.clock.settle()]);
    const after = world.disk.crash();
    const stored = await textsIn(after, `${PATH}/new`);
    if (result !== undefined) assert.deepEqual([result.outcome, stored], ["delivered", [STORED]]);
    else assert.ok(stored.length === 0 || stored[0] === STORED, `cut at ${cutAt}`);
  }
});

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
      const result = await deliver(portsOf(world));
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
    { path: PATH, hostname: "h" },
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
