import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "#model/events.ts";
import {
  accepted,
  acceptedAsBlob,
  deferred,
  delivered,
  evpidOf,
  held,
  mail,
  readAll,
} from "#test/crash/mail.ts";
import { SPOOL_FOLDER, smallSpool, type Way } from "#test/crash/spool-scenario.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { Checkpoint } from "./checkpoint-reader.ts";
import { type JournalSpoolOptions, openJournalSpool } from "./journal-spool.ts";
import { Keyring } from "./queue-keys.ts";
import type { Spool, StoredMessage } from "./spool.ts";

const CHECKPOINT = `${SPOOL_FOLDER}/checkpoint`;
const WAYS: readonly Way[] = ["dsync", "encrypted"];
const KEYS: Keyring = new Keyring([undefined, "0123456789abcdef0123456789abcdef"]);

function freshDisk(): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  return disk;
}

interface Opening {
  readonly way?: Way;
  readonly events?: Event[];
  readonly options?: Partial<JournalSpoolOptions>;
}

async function open(
  disk: SimDisk,
  { way = "dsync", events, options }: Opening = {},
): Promise<Spool> {
  const opened = await openJournalSpool({
    ...smallSpool(disk.files(), way),
    segmentBytes: 64 * 1024,
    checkpointRecords: 5,
    observe: (event) => events?.push(event),
    ...options,
  });
  assert.ok(opened.kind === "opened", opened.kind === "unusable" ? opened.reason : "");
  return opened.spool;
}

/** Six messages in every state; closing writes a checkpoint of them. */
async function spoolWithCheckpoint(way: Way = "dsync"): Promise<SimDisk> {
  const disk = freshDisk();
  const spool = await open(disk, { way });
  for (let number = 1; number <= 4; number++) {
    await spool.commit([accepted(mail(number, { recipients: 3 }))]);
  }
  await spool.openBlob("00000005").write([mail(5, { textBytes: 3000 }).text]);
  await spool.commit([acceptedAsBlob(mail(5, { textBytes: 3000 }))]);
  await spool.commit([accepted(mail(6)), accepted(mail(7))]);
  await spool.commit([deferred(evpidOf(mail(1), 2), 3), delivered(evpidOf(mail(1)))]);
  await spool.commit([held(evpidOf(mail(2), 1), true)]);
  await spool.commit([delivered(evpidOf(mail(6)))]);
  await spool.close();
  return disk;
}

async function found(disk: SimDisk, opening: Opening = {}): Promise<readonly StoredMessage[]> {
  const spool = await open(disk, { ...opening, options: { checkpointRecords: Infinity } });
  const messages = await allRecovered(spool);
  for (const { message } of messages) {
    const number = Number.parseInt(message.msgid, 16);
    const { text } = mail(number, { textBytes: message.textBytes });
    assert.deepEqual(await readAll(spool.text(message.msgid).chunks()), text);
  }
  await spool.close();
  return messages.toSorted((a, b) => (a.message.msgid < b.message.msgid ? -1 : 1));
}

async function changed(disk: SimDisk, path: string, bytes: Uint8Array | undefined): Promise<void> {
  await disk.files().unlink(path);
  if (bytes !== undefined) disk.plantFile(path, bytes);
}

/** How many records of the journal a start reads. */
async function readsOfSegments(disk: SimDisk): Promise<number> {
  let bytes = 0;
  disk.onOperation = ({ name, path }) => {
    if (name === "read" && path.includes("/journal/")) bytes++;
  };
  await (await open(disk)).close();
  disk.onOperation = undefined;
  return bytes;
}

for (const way of WAYS) {
  test(`a start by a checkpoint finds what the journal alone says (${way})`, async () => {
    const disk = await spoolWithCheckpoint(way);
    assert.equal((await disk.files().stat(CHECKPOINT)).kind, "file");
    const byCheckpoint = await found(disk, { way });
    assert.equal(byCheckpoint.length, 6);
    await changed(disk, CHECKPOINT, undefined);
    assert.deepEqual(await found(disk, { way }), byCheckpoint);
  });

  test(`what happened since the checkpoint counts, also to messages that are in it (${way})`, async () => {
    const disk = await spoolWithCheckpoint(way);
    const spool = await open(disk, { way, options: { checkpointRecords: Infinity } });
    await spool.commit([deferred(evpidOf(mail(1), 2), 4), delivered(evpidOf(mail(3), 2))]);
    await spool.commit([held(evpidOf(mail(2), 1), false), delivered(evpidOf(mail(7)))]);
    await spool.commit([accepted(mail(8))]);
    await spool.commit([deferred(evpidOf(mail(8)), 1)]);
    await spool.close();
    const byCheckpoint = await found(disk, { way });
    assert.deepEqual(
      byCheckpoint.map(({ message, envelopes }) => [message.msgid, envelopes.length]),
      [
        ["00000001", 2],
        ["00000002", 3],
        ["00000003", 2],
        ["00000004", 3],
        ["00000005", 1],
        ["00000008", 1],
      ],
    );
    assert.equal(byCheckpoint[0]?.envelopes[0]?.retryCount, 4);
    await changed(disk, CHECKPOINT, undefined);
    assert.deepEqual(await found(disk, { way }), byCheckpoint);
  });

  test(`a flip of any bit of a checkpoint costs nothing: the journal is read instead (${way})`, async () => {
    const disk = await spoolWithCheckpoint(way);
    const expected = await found(disk, { way });
    const whole = disk.bytesOf(CHECKPOINT);
    for (let at = 0; at < whole.length; at += at < 4096 ? 61 : 7) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await changed(disk, CHECKPOINT, flipped);
      const events: Event[] = [];
      assert.deepEqual(await found(disk, { way, events }), expected, `byte ${at}`);
      assert.ok(!events.some(({ kind }) => kind === "spool-damage"), `byte ${at}`);
    }
  });
}

test("a checkpoint that ends early, wherever, is not used, and says so", async () => {
  const disk = await spoolWithCheckpoint();
  const expected = await found(disk);
  const whole = disk.bytesOf(CHECKPOINT);
  for (let length = 0; length < whole.length; length += 53) {
    await changed(disk, CHECKPOINT, whole.slice(0, length));
    const events: Event[] = [];
    assert.deepEqual(await found(disk, { events }), expected, `${length} bytes`);
    assert.ok(
      events.some(({ kind }) => kind === "warning"),
      `${length} bytes`,
    );
  }
});

test("a checkpoint of another journal is not used, though its numbers are the same", async () => {
  const other = (await spoolWithCheckpoint()).bytesOf(CHECKPOINT);
  const disk = freshDisk();
  const spool = await open(disk, { options: { random: simRandom(99) } });
  for (const number of [1, 9, 10, 11, 12, 13, 14, 15]) await spool.commit([accepted(mail(number))]);
  for (let number = 10; number < 16; number++)
    await spool.commit([delivered(evpidOf(mail(number)))]);
  await spool.close();
  await changed(disk, CHECKPOINT, other);
  const events: Event[] = [];
  assert.deepEqual(
    (await found(disk, { events })).map(({ message }) => message.msgid),
    ["00000001", "00000009"],
  );
  assert.ok(
    events.some((event) => event.kind === "warning" && event.text.includes("does not know")),
  );
});

test("a checkpoint that covers more than the journal has is not used", async () => {
  const disk = await spoolWithCheckpoint();
  const path = `${SPOOL_FOLDER}/journal/00000001.seg`;
  const segment = disk.bytesOf(path);
  await changed(disk, path, segment.slice(0, -1));
  const events: Event[] = [];
  const messages = await found(disk, { events });
  // The last record finished message 6; without it, that is open again.
  assert.equal(messages.length, 7);
  assert.ok(events.some((event) => event.kind === "warning" && event.text.includes("shorter")));
});

test("without the key of a checkpoint the journal is read", async () => {
  const disk = await spoolWithCheckpoint("encrypted");
  const path = `${SPOOL_FOLDER}/journal/00000001.seg`;
  await changed(disk, path, undefined);
  const events: Event[] = [];
  await open(disk, { events, options: { keys: new Keyring([]) } });
  assert.ok(events.some((event) => event.kind === "warning" && event.text.includes("encrypted")));
});

test("a checkpoint of a newer program is left alone, and the journal is read", async () => {
  const disk = await spoolWithCheckpoint();
  const expected = await found(disk);
  const newer = disk.bytesOf(CHECKPOINT).slice();
  for (const copy of [0, 2048]) new DataView(newer.buffer).setUint32(copy + 8, 9);
  await changed(disk, CHECKPOINT, newer);
  const events: Event[] = [];
  assert.deepEqual(await found(disk, { events }), expected);
  assert.ok(events.some((event) => event.kind === "warning" && event.text.includes("format 9")));
});

test("a start by a checkpoint does not read what it covers", async () => {
  const disk = await spoolWithCheckpoint();
  const by = await readsOfSegments(disk);
  await changed(disk, CHECKPOINT, undefined);
  assert.ok(by < (await readsOfSegments(disk)), `${by} reads`);
});

test("no byte of a text or of an address is in the checkpoint of an encrypted spool", async () => {
  const disk = await spoolWithCheckpoint("encrypted");
  const bytes = Buffer.from(disk.bytesOf(CHECKPOINT));
  for (const word of ["example", "user1", "relay", "smtpd.conf"]) {
    assert.equal(bytes.includes(word), false, word);
  }
  const checkpoint = await Checkpoint.open(disk.files(), SPOOL_FOLDER, KEYS);
  let messages = 0;
  for await (const entries of checkpoint?.entries() ?? []) messages += entries.length;
  assert.equal(messages, 6);
});

test("what is left of a checkpoint that was being written goes at the next start", async () => {
  const disk = await spoolWithCheckpoint();
  disk.plantFile(`${CHECKPOINT}.partial`, new Uint8Array(10));
  await (await open(disk)).close();
  assert.ok(!(await disk.files().list(SPOOL_FOLDER)).includes("checkpoint.partial"));
});

test("a checkpoint that cannot be written leaves the one before, and is told", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const disk = await spoolWithCheckpoint();
    const events: Event[] = [];
    const spool = await open(disk, { events });
    disk.fail({ operation: "write", code, path: `${CHECKPOINT}.partial`, times: 1 });
    for (let number = 16; number < 32; number++) await spool.commit([accepted(mail(number))]);
    await spool.close();
    assert.ok(
      events.some(({ kind }) => kind === "spool-trouble"),
      code,
    );
    assert.equal((await found(disk)).length, 22);
  }
});
