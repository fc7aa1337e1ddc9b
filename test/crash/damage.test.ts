/**
 * A spool of several segments, a blob and a checkpoint, in which one byte of one file is
 * other than it was, or one file ends early: at each place. Whatever it is costs the record
 * that it is in, at most, and is told; nothing that is given out was altered, and the spool
 * can be used.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { HEADER_BYTES } from "#engine/spool/segment-header.ts";
import { DAMAGED_TEXT } from "#engine/spool/stored-text.ts";
import type { Spool } from "#engine/spool/spool.ts";
import type { Event } from "#model/events.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import {
  accepted,
  acceptedAsBlob,
  deferred,
  delivered,
  evpidOf,
  type Mail,
  mail,
  readAll,
} from "./mail.ts";
import { SPOOL_FOLDER, smallSpool, type Way } from "./spool-scenario.ts";

const SEGMENT_BYTES = HEADER_BYTES + 1500;
/** How far apart the places are: 1 is all of them; a prime meets each kind of place. */
const STEP = Number(process.env["STEP"] ?? 7);

const SMALL: readonly Mail[] = [1, 2, 3, 4, 5].map((number) =>
  mail(number, { textBytes: 300, recipients: 2 }),
);
const LARGE: Mail = mail(0xab000006, { textBytes: 900 });
const DONE: Mail = mail(7, { textBytes: 40 });
const MAILS: readonly Mail[] = [...SMALL, LARGE];

/** Bytes of each file of a spool, by its path. */
type Contents = ReadonlyMap<string, Uint8Array>;

async function openOn(disk: SimDisk, way: Way, events: Event[] = []): Promise<Spool> {
  const opened = await openJournalSpool({
    ...smallSpool(disk.files(), way),
    segmentBytes: SEGMENT_BYTES,
    observe: (event) => events.push(event),
  });
  assert.ok(opened.kind === "opened", opened.kind === "unusable" ? opened.reason : "");
  return opened.spool;
}

/** Six messages, each envelope with something that happened to it, and one that is finished. */
async function contentsOf(way: Way): Promise<Contents> {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  const spool = await openOn(disk, way);
  await spool.commit([accepted(DONE)]);
  for (const one of SMALL) {
    await spool.commit([accepted(one)]);
    await spool.commit([deferred(evpidOf(one), 1)]);
  }
  await spool.openBlob(LARGE.message.msgid).write([LARGE.text]);
  await spool.commit([acceptedAsBlob(LARGE)]);
  await spool.commit([delivered(evpidOf(DONE))]);
  await spool.close();
  const files = new Map<string, Uint8Array>();
  const port = disk.files();
  for (const folder of ["", "/journal", "/blobs/ab"]) {
    for (const name of await port.list(SPOOL_FOLDER + folder)) {
      const path = `${SPOOL_FOLDER}${folder}/${name}`;
      if ((await port.stat(path)).kind === "file") files.set(path, disk.bytesOf(path));
    }
  }
  return files;
}

function diskWith(files: Contents, path: string, bytes: Uint8Array): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  for (const folder of ["journal", "blobs/ab", "corrupt"]) {
    disk.plantFolder(`${SPOOL_FOLDER}/${folder}`);
  }
  for (const [each, whole] of files) disk.plantFile(each, each === path ? bytes : whole);
  return disk;
}

interface Found {
  /** Messages that are there, whole. */
  readonly whole: readonly string[];
  /** How many things were told: damages, and warnings. */
  readonly told: number;
}

async function foundOn(disk: SimDisk, way: Way): Promise<Found> {
  const events: Event[] = [];
  const spool = await openOn(disk, way, events);
  const whole: string[] = [];
  for (const { message, envelopes } of await allRecovered(spool)) {
    const { msgid } = message;
    if (msgid === DONE.message.msgid) continue; // Its end may be what was damaged.
    const original = MAILS.find((one) => one.message.msgid === msgid);
    assert.deepEqual(message, original?.message);
    assert.deepEqual(
      envelopes.map(({ envelope }) => envelope),
      original?.envelopes,
    );
    if (await isReadable(spool, msgid, original)) whole.push(msgid);
  }
  assert.equal(await spool.commit([accepted(mail(99))]), "durable");
  await spool.close();
  const told = events.filter(({ kind }) => kind === "spool-damage" || kind === "warning").length;
  return { whole, told };
}

/** False if the reader is told that the text is not what was accepted. */
async function isReadable(
  spool: Spool,
  msgid: string,
  original: Mail | undefined,
): Promise<boolean> {
  try {
    assert.deepEqual(await readAll(spool.text(msgid).chunks()), original?.text);
    return true;
  } catch (error) {
    if (error instanceof FilesError && error.code === DAMAGED_TEXT) return false;
    throw error;
  }
}

/** In journals, headers are long and equal: some places in each are enough. */
function placesIn(path: string, bytes: Uint8Array): readonly number[] {
  const isFramed = path.includes("/journal/") || path.endsWith("/checkpoint");
  const places: number[] = [];
  for (
    let at = 0;
    at < bytes.length;
    at += isFramed && at >= 200 && at < HEADER_BYTES ? 131 : STEP
  ) {
    places.push(at);
  }
  return places;
}

for (const way of ["dsync", "encrypted"] as const) {
  test(`a byte that is other than it was, in any file, costs one record at most and is told (${way})`, async () => {
    const contents = await contentsOf(way);
    assert.ok(contents.size >= 5, "several segments, a blob, a checkpoint");
    for (const [path, bytes] of contents) {
      if (path.endsWith("/lock")) continue;
      for (const at of placesIn(path, bytes)) {
        const where = `${path}, byte ${at} of ${bytes.length}`;
        const disk = diskWith(contents, path, bytes.with(at, (bytes[at] ?? 0) ^ (1 << (at % 8))));
        const { whole, told } = await foundOn(disk, way);
        const lost = MAILS.length - whole.length;
        assert.ok(lost <= 1, `${where}: ${lost} messages`);
        if (lost > 0) assert.ok(told > 0, `${where}: nobody was told`);
        if (path.endsWith("/checkpoint")) assert.equal(lost, 0, where);
      }
    }
  });

  test(`a file that ends early, wherever, costs the records behind that and is told (${way})`, async () => {
    const contents = await contentsOf(way);
    for (const [path, bytes] of contents) {
      if (path.endsWith("/lock")) continue;
      for (const at of placesIn(path, bytes)) {
        const where = `${path}, cut at ${at} of ${bytes.length}`;
        const { whole, told } = await foundOn(diskWith(contents, path, bytes.slice(0, at)), way);
        if (path.endsWith("/checkpoint")) assert.equal(whole.length, MAILS.length, where);
        // The last segment too, even if it is empty: the checkpoint knows that it was not.
        if (whole.length < MAILS.length) assert.ok(told > 0, `${where}: nobody was told`);
      }
    }
  });
}

test("a segment or blob that is missing is told, but for the oldest; without the checkpoint all is there", async () => {
  const contents = await contentsOf("dsync");
  for (const path of contents.keys()) {
    if (path.endsWith("/lock")) continue;
    const disk = diskWith(contents, path, new Uint8Array(0));
    await disk.files().unlink(path);
    const { whole, told } = await foundOn(disk, "dsync");
    if (path.endsWith("/checkpoint")) assert.deepEqual([whole.length, told], [MAILS.length, 0]);
    // The oldest may have been unlinked because all in it was finished.
    else if (!path.endsWith("/00000001.seg")) assert.ok(told > 0, path);
  }
});
