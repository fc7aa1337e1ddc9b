import assert from "node:assert/strict";
import { test } from "node:test";
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
} from "#test/crash/mail.ts";
import { checksum } from "./checksum.ts";
import { type JournalSpoolOptions, openJournalSpool } from "./journal-spool.ts";
import { FORMAT, HEADER_BYTES } from "./segment-header.ts";
import type { Spool } from "./spool.ts";

const SEGMENT = "/spool/journal/00000001.seg";
const MAILS: readonly Mail[] = [1, 2].map((number) => mail(number, { textBytes: 60 }));

/** A disk and a way to open the spool on it; events are kept. */
function freshDisk() {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder("/spool/journal");
  disk.plantFolder("/spool/blobs");
  disk.plantFolder("/spool/corrupt");
  return disk;
}

function optionsOn(disk: SimDisk, events: Event[] = []): JournalSpoolOptions {
  return {
    files: disk.files(),
    clock: new SimClock(),
    random: simRandom(9),
    observe: (event) => events.push(event),
    folder: "/spool",
    textCacheBytes: 0,
    reserveBytes: 0,
  };
}

async function openOn(disk: SimDisk, events: Event[] = []): Promise<Spool> {
  const opened = await openJournalSpool(optionsOn(disk, events));
  assert.ok(opened.kind === "opened");
  return opened.spool;
}

/** The bytes of a segment that holds MAILS, a record each. */
async function segmentWithMails(): Promise<Uint8Array> {
  const disk = freshDisk();
  const spool = await openOn(disk);
  for (const one of MAILS) assert.equal(await spool.commit([accepted(one)]), "durable");
  await spool.close();
  return disk.bytesOf(SEGMENT);
}

/** The msgids that a spool with this segment recovers; their content must be unaltered. */
async function recoveredFrom(segment: Uint8Array) {
  const disk = freshDisk();
  disk.plantFile(SEGMENT, segment);
  const events: Event[] = [];
  const spool = await openOn(disk, events);
  const msgids: string[] = [];
  for (const { message, envelopes } of await allRecovered(spool)) {
    const original = MAILS.find((one) => one.message.msgid === message.msgid);
    assert.deepEqual(message, original?.message);
    assert.deepEqual(
      envelopes.map(({ envelope }) => envelope),
      original?.envelopes,
    );
    const text = await readAll(spool.text(message.msgid).chunks());
    assert.deepEqual(text, original?.text);
    msgids.push(message.msgid);
  }
  await spool.close();
  const damages = events.filter(({ kind }) => kind === "spool-damage").length;
  return { msgids, damages, kept: await disk.files().list("/spool/corrupt") };
}

test("a flip of any bit of a record costs that record at most, and its bytes are kept", async () => {
  const segment = await segmentWithMails();
  for (let bit = HEADER_BYTES * 8; bit < segment.length * 8; bit++) {
    const flipped = segment.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { msgids, damages, kept } = await recoveredFrom(flipped);
    assert.deepEqual([msgids.length, damages, kept.length], [1, 1, 1], `bit ${bit}`);
  }
});

test("a segment that ends early, wherever, keeps its whole records", async () => {
  const segment = await segmentWithMails();
  const recordBytes = (segment.length - HEADER_BYTES) / MAILS.length;
  for (let length = 0; length <= segment.length; length++) {
    const { msgids, damages, kept } = await recoveredFrom(segment.slice(0, length));
    const whole = Math.max(0, Math.floor((length - HEADER_BYTES) / recordBytes));
    assert.equal(msgids.length, whole, `${length} bytes`);
    const isTorn = length > HEADER_BYTES && (length - HEADER_BYTES) % recordBytes > 0;
    assert.deepEqual([damages, kept.length], isTorn ? [1, 1] : [0, 0], `${length} bytes`);
  }
});

test("zeros in place of a tail, as some file systems leave them, cost the records they cover", async () => {
  const segment = await segmentWithMails();
  for (let from = HEADER_BYTES; from < segment.length; from += 13) {
    const { msgids } = await recoveredFrom(segment.slice().fill(0, from));
    const whole = Math.floor(
      (from - HEADER_BYTES) / ((segment.length - HEADER_BYTES) / MAILS.length),
    );
    assert.equal(msgids.length, whole, `zeros from ${from}`);
  }
});

test("a text cannot pose as a record, even when it is the copy of one", async () => {
  const disk = freshDisk();
  const opened = await openJournalSpool({ ...optionsOn(disk), random: simRandom(10) });
  assert.ok(opened.kind === "opened");
  const forged = (await segmentWithMails()).slice(HEADER_BYTES);
  await opened.spool.commit([accepted({ ...mail(9), text: forged })]);
  await opened.spool.close();
  const segment = disk.bytesOf(SEGMENT);
  // With its own record damaged, the scan must search through the text.
  segment[HEADER_BYTES] = (segment[HEADER_BYTES] ?? 0) ^ 0xff;
  const { msgids, damages } = await recoveredFrom(segment);
  assert.deepEqual([msgids, damages], [[], 1]);
});

test("a damaged record is told at each start, and kept once", async () => {
  const disk = freshDisk();
  const segment = await segmentWithMails();
  segment[HEADER_BYTES + 40] = 0xff;
  disk.plantFile(SEGMENT, segment);
  for (let start = 0; start < 3; start++) {
    const events: Event[] = [];
    await (await openOn(disk, events)).close();
    assert.equal(events.filter(({ kind }) => kind === "spool-damage").length, 1);
  }
  assert.equal((await disk.files().list("/spool/corrupt")).length, 1);
});

test("a sector that cannot be read costs its records and not the start", async () => {
  const disk = freshDisk();
  disk.plantFile(SEGMENT, await segmentWithMails());
  // The header is one read; then the window is read whole, then in pages.
  disk.onOperation = ({ name, path }) => {
    if (name === "read" && path === SEGMENT) disk.fail({ operation: "read", code: "EIO", path });
  };
  const events: Event[] = [];
  const opened = await openJournalSpool(optionsOn(disk, events));
  assert.equal(opened.kind, "opened");
  assert.ok(events.some(({ kind }) => kind === "spool-damage"));
});

test("a segment that is no file, such as a link to where it was moved, is not passed over", async () => {
  const path = "/spool/journal/00000002.seg";
  const plants: readonly ((disk: SimDisk) => void)[] = [
    (disk) => disk.plantFolder(path),
    (disk) => disk.plantSymlink(path),
  ];
  for (const plant of plants) {
    const disk = freshDisk();
    disk.plantFile(SEGMENT, await segmentWithMails());
    plant(disk);
    const opened = await openJournalSpool(optionsOn(disk));
    assert.ok(opened.kind === "unusable");
    assert.match(
      opened.reason,
      /^\/spool\/journal\/00000002\.seg is no file \((?:folder|symlink)\)$/,
    );
  }
});

test("a segment of another format is left alone, and says so", async () => {
  const disk = freshDisk();
  const segment = await segmentWithMails();
  for (const copy of [0, HEADER_BYTES / 2]) new DataView(segment.buffer).setUint32(copy + 8, 9);
  disk.plantFile(SEGMENT, segment);
  const opened = await openJournalSpool(optionsOn(disk));
  assert.ok(opened.kind === "unusable");
  assert.match(opened.reason, new RegExp(`format 9, this program reads up to ${FORMAT}`));
  assert.deepEqual(disk.bytesOf(SEGMENT), segment);
});

test("a record of a newer version stops the start, and nothing is changed", async () => {
  const disk = freshDisk();
  const segment = await segmentWithMails();
  const frame = segment.subarray(HEADER_BYTES);
  const view = new DataView(frame.buffer, frame.byteOffset);
  // Version 9, under a checksum of its own: no damage.
  view.setUint32(20, (1 << 24) | (9 << 16));
  view.setUint32(8, checksum(frame.subarray(12, 24 + view.getUint32(12))));
  disk.plantFile(SEGMENT, segment);
  const opened = await openJournalSpool(optionsOn(disk));
  assert.ok(opened.kind === "unusable");
  assert.equal(opened.reason, `${SEGMENT} has a record of a newer version at ${HEADER_BYTES}`);
  assert.deepEqual(disk.bytesOf(SEGMENT), segment);
  assert.deepEqual(await disk.files().list("/spool/corrupt"), []);
});

test("a segment without a header, or with another one's name, is moved to quarantine", async () => {
  const segment = await segmentWithMails();
  const disk = freshDisk();
  disk.plantFile("/spool/journal/00000002.seg", segment);
  disk.plantFile("/spool/journal/00000003.seg", segment.slice().fill(0, 0, HEADER_BYTES));
  const spool = await openOn(disk);
  assert.deepEqual(await allRecovered(spool), []);
  assert.deepEqual((await disk.files().list("/spool/corrupt")).toSorted(), [
    "00000002.seg",
    "00000003.seg",
  ]);
});

test("foreign objects in the spool are passed, each with a warning", async () => {
  const disk = freshDisk();
  disk.plantFile(SEGMENT, await segmentWithMails());
  const foreign = ["journal/.swp", "journal/1.seg", "journal/0000000A.seg", "blobs/zz", "blobs/FF"];
  for (const name of foreign) disk.plantFile(`/spool/${name}`, new Uint8Array(3));
  disk.plantFolder("/spool/blobs/ab");
  disk.plantFile("/spool/blobs/ab/not-hex", new Uint8Array(3));
  const events: Event[] = [];
  const spool = await openOn(disk, events);
  assert.equal((await allRecovered(spool)).length, MAILS.length);
  assert.equal(events.filter(({ kind }) => kind === "warning").length, foreign.length + 1);
  assert.equal((await disk.files().stat("/spool/blobs/ab/not-hex")).bytes, 3);
  assert.equal(await spool.commit([accepted(mail(4))]), "durable");
});

test("a blob that was still arriving is gone after a restart, and nothing is in quarantine", async () => {
  const disk = freshDisk();
  const spool = await openOn(disk);
  await spool.commit([accepted(mail(1))]);
  await spool.openBlob("abcdef01").write([new Uint8Array(1000)]);
  const found = disk.crash(simRandom(2));
  await (await openOn(found)).close();
  assert.deepEqual(await found.files().list("/spool/blobs/ab"), []);
  assert.deepEqual(await found.files().list("/spool/corrupt"), []);
});

test("a message whose blob is missing or short is kept in quarantine with what is left", async () => {
  for (const left of ["missing", "short"]) {
    const disk = freshDisk();
    const spool = await openOn(disk);
    const large = mail(0xab000001, { textBytes: 5000 });
    await spool.openBlob(large.message.msgid).write([large.text]);
    assert.equal(await spool.commit([acceptedAsBlob(large)]), "durable");
    await spool.close();
    const blob = `/spool/blobs/ab/${large.message.msgid}`;
    await disk.files().unlink(blob);
    if (left === "short") disk.plantFile(blob, large.text.slice(0, 4999));
    const events: Event[] = [];
    const again = await openOn(disk, events);
    assert.deepEqual(await allRecovered(again), []);
    assert.equal(again.has(large.message.msgid), false);
    const kept = await disk.files().list("/spool/corrupt");
    assert.equal(kept.includes(large.message.msgid), left === "short");
    assert.ok(kept.includes(`00000001.seg-${HEADER_BYTES}`), "the envelope is kept");
    assert.ok(events.some(({ kind }) => kind === "spool-damage"));
  }
});

test("a blob that was altered is never complete for its reader", async () => {
  const disk = freshDisk();
  const spool = await openOn(disk);
  const large = mail(0xab000001, { textBytes: 600_000 });
  await spool.openBlob(large.message.msgid).write([large.text]);
  await spool.commit([acceptedAsBlob(large)]);
  const file = await disk.files().open(`/spool/blobs/ab/${large.message.msgid}`, "update");
  await file.write([Uint8Array.of(0x42)], 3);
  let bytes = 0;
  await assert.rejects(
    async () => {
      for await (const piece of spool.text(large.message.msgid).chunks()) bytes += piece.length;
    },
    { code: "EBADMSG" },
  );
  assert.ok(bytes < large.text.length);
});

test("what was deferred before a restart keeps its count and its result", async () => {
  const disk = freshDisk();
  const spool = await openOn(disk);
  await spool.commit([accepted(mail(1))]);
  const entry = deferred(evpidOf(mail(1)), 4);
  await spool.commit([entry]);
  await spool.close();
  const [found] = await allRecovered(await openOn(disk));
  const [envelope] = found?.envelopes ?? [];
  assert.ok(entry.kind === "deferred");
  assert.equal(envelope?.retryCount, 4);
  assert.equal(envelope.lastTryAtMs, entry.atMs);
  assert.equal(envelope.nextTryAtMs, entry.nextTryAtMs);
  assert.deepEqual(envelope.lastResult, entry.result);
});

test("a text that is damaged in an old segment costs its message alone, when it is read", async () => {
  const disk = freshDisk();
  const options = { ...optionsOn(disk), segmentBytes: 6000 };
  const opened = await openJournalSpool(options);
  assert.ok(opened.kind === "opened");
  const [first, second] = [mail(1, { textBytes: 1500 }), mail(2, { textBytes: 1500 })];
  for (const one of [first, second, mail(3), mail(4)]) await opened.spool.commit([accepted(one)]);
  await opened.spool.close();
  const segment = disk.bytesOf(SEGMENT).slice();
  const at = Buffer.from(segment).indexOf(first.text.subarray(0, 64));
  segment[at + 700] = (segment[at + 700] ?? 0) ^ 1;
  await disk.files().unlink(SEGMENT);
  disk.plantFile(SEGMENT, segment);
  const events: Event[] = [];
  const clock = new SimClock();
  const again = await openJournalSpool({
    ...options,
    clock,
    observe: (event) => events.push(event),
  });
  assert.ok(again.kind === "opened");
  const { spool } = again;
  assert.equal((await allRecovered(spool)).length, 4);
  await assert.rejects(readAll(spool.text("00000001").chunks()), { code: "EBADMSG" });
  assert.deepEqual(await readAll(spool.text("00000002").chunks()), second.text);
  assert.equal(events.filter(({ kind }) => kind === "spool-damage").length, 1);
  // Its segment can go all the same; what is left of the text is kept.
  for (let number = 16; number < 60; number++) {
    await spool.commit([accepted(mail(number))]);
    await spool.commit([delivered(evpidOf(mail(number)))]);
    await clock.advance(1000);
  }
  assert.ok(!(await disk.files().list("/spool/journal")).includes("00000001.seg"), "it is gone");
  assert.equal((await disk.files().list("/spool/corrupt")).length, 1);
  await assert.rejects(readAll(spool.text("00000001").chunks()), { code: "EBADMSG" });
  assert.deepEqual(await readAll(spool.text("00000002").chunks()), second.text);
  await spool.close();
  const last = await openOn(disk);
  assert.equal((await allRecovered(last)).length, 4);
  await assert.rejects(readAll(last.text("00000001").chunks()), { code: "EBADMSG" });
});
