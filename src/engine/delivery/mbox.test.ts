/** BOX-02, BOX-03: what an address or a text holds makes no second message of one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { DeliveryResult } from "#model/delivery.ts";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import { SimWorld } from "#world/sim/world.ts";
import { fromLine } from "./from-line.ts";
import { deliverMbox } from "./mbox.ts";

const PATH = "/home/bob/mbox";
const OWNER = 0;

interface Request {
  readonly text?: string;
  readonly path?: string;
  readonly reversePath?: string;
  readonly uid?: number;
}

function deliver(world: SimWorld, request: Request = {}): Promise<DeliveryResult> {
  const text = textOf(request.text ?? "Subject: x\r\n\r\nhello\r\n", 3);
  const message = messageOf(text, { reversePath: request.reversePath ?? "s@x.example" });
  const mbox = { path: request.path ?? PATH, uid: request.uid ?? OWNER };
  const ports = { files: world.disk.files(), clock: world.clock };
  const envelope = envelopeOf("bob@y.example");
  return deliverMbox(ports, mbox, { message, envelope, text });
}

function newWorld(): SimWorld {
  const world = new SimWorld(1);
  world.disk.plantFolder("/home/bob");
  return world;
}

function stored(world: SimWorld): string {
  return Buffer.from(world.disk.bytesOf(PATH)).toString("latin1");
}

async function plant(world: SimWorld, text: string): Promise<void> {
  const file = await world.disk.files().open(PATH, "create");
  await file.write([Buffer.from(text)], 0);
  await file.close();
}

const FROM = "From s@x.example Thu Jan  1 00:00:00 2026";
const LETTER = `${FROM}\nReturn-Path: <s@x.example>\nDelivered-To: bob@y.example\nSubject: x\n\nhello\n\n`;

test("an mbox is made, mode 0600, and each message goes behind the last", async () => {
  const world = newWorld();
  const first = await deliver(world);
  assert.deepEqual([first.outcome, first.remote], ["delivered", PATH]);
  await deliver(world);
  assert.equal(stored(world), LETTER + LETTER);
  assert.equal((await world.disk.files().stat(PATH)).mode & 0o777, 0o600);
  assert.equal(world.disk.openFiles, 0);
});

test("what a crash cut short does not run into the next message", async () => {
  for (const [left, missing] of [
    ["From x\nSub", "\n\n"],
    ["From x\nSubject: y\n", "\n"],
    ["From x\n\n", ""],
    ["x", "\n\n"],
    ["\n", ""],
  ]) {
    const world = newWorld();
    await plant(world, left ?? "");
    await deliver(world);
    assert.equal(stored(world), `${left}${missing}${LETTER}`, JSON.stringify(left));
  }
});

test("after a write or sync that failed the mbox is what it was", async () => {
  for (const operation of ["write", "sync"] as const) {
    for (const [code, status] of [
      ["ENOSPC", "4.3.1"],
      ["EDQUOT", "4.2.2"],
      ["EIO", "4.3.0"],
    ] as const) {
      const world = newWorld();
      await deliver(world);
      world.disk.fail({ operation, code, times: 1 });
      const result = await deliver(world, { text: "x".repeat(600_000) });
      assert.deepEqual([result.outcome, result.status], ["deferred", status]);
      assert.equal(stored(world), LETTER, `${operation} ${code}`);
    }
  }
});

test("a text that is shorter than it should be leaves nothing", async () => {
  const world = newWorld();
  await deliver(world);
  const text = { ...textOf("x\r\n"), bytes: 9 };
  const ports = { files: world.disk.files(), clock: world.clock };
  const delivery = { message: messageOf(text), envelope: envelopeOf("bob@y.example"), text };
  const result = await deliverMbox(ports, { path: PATH, uid: OWNER }, delivery);
  assert.equal(result.outcome, "deferred");
  assert.equal(stored(world), LETTER);
});

test("an mbox of another user, with two names, or that is none, is left alone", async () => {
  const other = newWorld();
  await plant(other, "");
  assert.match((await deliver(other, { uid: 7 })).diagnostic, /another user/u);
  const linked = newWorld();
  await plant(linked, "");
  await linked.disk.files().link(PATH, "/home/bob/second");
  assert.match((await deliver(linked)).diagnostic, /another name/u);
  const link = newWorld();
  link.disk.plantSymlink(PATH);
  assert.match((await deliver(link)).diagnostic, /symbolic link/u);
  const folder = newWorld();
  folder.disk.plantFolder(PATH);
  assert.match((await deliver(folder)).diagnostic, /no plain file/u);
  for (const path of ["mbox", "/home/../mbox", "/home/bob\0"])
    assert.match((await deliver(newWorld(), { path })).diagnostic, /not safe/u);
});

test("mail to /dev/null is delivered, and no disk is asked", async () => {
  const world = newWorld();
  assert.equal((await deliver(world, { path: "/dev/null" })).outcome, "delivered");
  assert.equal(world.disk.operations, 0);
});

test("mail that was here before is told as a loop", async () => {
  const result = await deliver(newWorld(), { text: "Delivered-To: bob@y.example\r\n\r\n" });
  assert.deepEqual([result.outcome, result.status], ["loop", "5.4.6"]);
});

test("a null sender is MAILER-DAEMON, and no sender is more than one word of one line", () => {
  assert.equal(fromLine("", 0), "From MAILER-DAEMON Thu Jan  1 00:00:00 1970");
  assert.equal(
    fromLine('"a b\r\nFrom c"@x.example', 0),
    'From "a?b??From?c"@x.example Thu Jan  1 00:00:00 1970',
  );
});

test("BOX-03: whatever sender and text are, one delivery is one message", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom("From x\r\n", "\r\n", "\n", "From ", "\r", "a")),
      async (reversePath, parts) => {
        const world = newWorld();
        await deliver(world, { reversePath, text: parts.join("") });
        assert.equal(stored(world).split(/(?:^|\n)From /u).length, 2);
      },
    ),
    { numRuns: 100 },
  );
});
