/**
 * The spool's file system is full: clients are told 452 4.3.1, everything else goes on,
 * and mail is taken again by itself when there is room. Nothing that got its 250 is
 * lost, nothing that did not is delivered, nothing is delivered twice.
 *
 * Needs root, for a small tmpfs; skipped by name elsewhere. See docs/durability.md.
 */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { connect, type NetConnectOpts } from "node:net";
import { test } from "node:test";
import { Replies } from "#test/support/ledger-client.ts";
import { unlessStartable } from "./daemon.ts";
import { DurabilityRig, type Load, SEED } from "./durability-load.ts";
import { until } from "./greeting.ts";
import { SmallDisk, unlessMountable } from "./mounts.ts";
import { Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessMountable();

const MIB = 1024 * 1024;
const FULL = "452 4.3.1";
/** Of a dispatcher that has outlived the queue by a moment, when the daemon is killed. */
const NO_QUEUE = "451 4.3.0";
const SESSIONS = 8;

/** Other sessions are answered; now and then a refused message leaves room for a moment. */
async function untilRefusedAside(server: NetConnectOpts): Promise<void> {
  await until(async () => {
    const [toNoop, toMail] = await askedAside(server);
    assert.equal(toNoop, "250 2.0.0");
    return toMail === FULL;
  }, "refusal of a large message before its text");
}

/** The replies to NOOP and MAIL in a session of its own. */
async function askedAside(server: NetConnectOpts): Promise<readonly string[]> {
  const socket = connect(server);
  try {
    const replies = new Replies(socket);
    const answers = [await replies.next()];
    for (const command of ["EHLO aside.example", "NOOP", `MAIL FROM:<> SIZE=${2 * MIB}`]) {
      socket.write(`${command}\r\n`);
      answers.push(await replies.next());
    }
    return answers.slice(2).map((answer) => answer.slice(0, FULL.length));
  } finally {
    socket.destroy();
  }
}

/** Takes whatever room there is for bytes. */
function takeBytes(folder: string): void {
  const fd = openSync(`${folder}/bytes`, "w");
  let pieceBytes = MIB;
  while (pieceBytes >= 1) {
    try {
      writeSync(fd, Buffer.alloc(pieceBytes));
    } catch {
      pieceBytes /= 2;
    }
  }
  closeSync(fd);
}

/** Takes whatever room there is for files. */
function takeFiles(folder: string): void {
  for (let count = 0; ; count++) {
    try {
      writeFileSync(`${folder}/${count}`, "");
    } catch {
      return;
    }
  }
}

function refusals({ client }: Load): number {
  return client.refusals.get(FULL) ?? 0;
}

/** All that was refused was refused for the room, or another `reason`; all that was acknowledged came once. */
function assertOnce(rig: DurabilityRig, { ledger, client }: Load, reason?: string): void {
  const { lost, altered, twice, unacknowledged } = ledger.tally(rig.arrivals());
  assert.deepEqual(
    { lost, altered, twice, unacknowledged },
    { lost: [], altered: [], twice: [], unacknowledged: [] },
    `seed ${SEED}\n${rig.daemon.logEnd}`,
  );
  const others = [...client.refusals.keys()].filter((each) => each !== FULL && each !== reason);
  assert.deepEqual(others, []);
}

/** Large messages that wait in the queue until there is no room for more. */
async function loadUntilFull(rig: DurabilityRig, sizeBytes: number): Promise<Load> {
  rig.sink.isBusy = true;
  const load = rig.load({
    sessions: SESSIONS,
    recipients: ["carla@out.example"],
    sizesBytes: [sizeBytes],
  });
  await until(() => refusals(load) > 2 * SESSIONS, "refusal of every client");
  return load;
}

/** Its clients are still there: they find out by themselves that there is room. */
async function untilTakenAgain({ ledger }: Load): Promise<void> {
  const before = ledger.acknowledgedCount;
  await until(() => ledger.acknowledgedCount > before + SESSIONS, "messages that are taken again");
}

for (const { what, options, sizeBytes } of [
  { what: "bytes", options: "size=20M", sizeBytes: MIB },
  { what: "files", options: "size=200M,nr_inodes=100", sizeBytes: 300 * 1024 },
]) {
  test(`a spool that is out of ${what} refuses mail until its deliveries made room`, {
    skip,
  }, async (context) => {
    await using scratch = new Scratch();
    const disk = SmallDisk.make(scratch, "disk", options);
    const rig = await DurabilityRig.make(scratch, { stateFolder: `${disk.folder}/state` });
    const { daemon, sink } = rig;
    await daemon.start();
    const processes = daemon.children;
    const load = await loadUntilFull(rig, sizeBytes);
    const whenFull = load.ledger.acknowledgedCount;
    for (const server of daemon.servers) await untilRefusedAside(server);
    sink.isBusy = false;
    await daemon.smtpctl("schedule", "all", "-y");
    await untilTakenAgain(load);
    await load.client.stop();
    await daemon.drain();
    assertOnce(rig, load);
    assert.deepEqual(daemon.children, processes, "no process was restarted");
    context.diagnostic(
      `seed ${SEED}: full after ${whenFull} messages, ${refusals(load)} refused, ` +
        `${load.ledger.acknowledgedCount} acknowledged and delivered once`,
    );
  });
}

const SIZES = "size=20M,nr_inodes=200";

for (const { what, take, isKilled } of [
  { what: "byte", take: takeBytes, isKilled: false },
  { what: "byte", take: takeBytes, isKilled: true },
  { what: "file", take: takeFiles, isKilled: true },
]) {
  const ending = isKilled ? ", also over kill -9" : "";
  test(`without a ${what} left the spool loses nothing and goes on when there is one${ending}`, {
    skip,
  }, async (context) => {
    await using scratch = new Scratch();
    const disk = SmallDisk.make(scratch, "disk", SIZES);
    const rig = await DurabilityRig.make(scratch, { stateFolder: `${disk.folder}/state` });
    const { daemon, sink } = rig;
    await daemon.start();
    const load = await loadUntilFull(rig, MIB);
    const ballast = `${disk.folder}/ballast`;
    mkdirSync(ballast);
    take(ballast);
    if (isKilled) {
      await daemon.kill();
      await daemon.start();
    }
    // What is delivered now cannot be recorded before there is room.
    sink.isBusy = false;
    await daemon.smtpctl("schedule", "all", "-y");
    await until(() => sink.count > 0, "delivery from a full spool");
    await untilRefusedAside(daemon.servers[0]);
    rmSync(ballast, { recursive: true });
    await untilTakenAgain(load);
    await load.client.stop();
    await daemon.drain();
    assertOnce(rig, load, isKilled ? NO_QUEUE : undefined);
    context.diagnostic(
      `seed ${SEED}: ${refusals(load)} refused, ` +
        `${load.ledger.acknowledgedCount} acknowledged and delivered once`,
    );
  });
}
