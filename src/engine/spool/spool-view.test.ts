import assert from "node:assert/strict";
import { test } from "node:test";
import {
  openSpool,
  runDay,
  SPOOL_FOLDER,
  smallSpool,
  type Way,
} from "#test/crash/spool-scenario.ts";
import { SpoolModel } from "#test/crash/spool-model.ts";
import { readAll } from "#test/crash/mail.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import type { Files } from "#base/ports/files.ts";
import { Keyring, NO_KEYS } from "./queue-keys.ts";
import { compactSpool } from "./journal-spool.ts";
import { readHeader } from "./segment-header.ts";
import { viewSpool, type SpoolView } from "./spool-view.ts";

const READS = new Keyring([undefined, "0123456789abcdef0123456789abcdef"]);

async function dayOn(way: Way): Promise<SimDisk> {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  await runDay(disk.files(), way, new SpoolModel());
  return disk;
}

/** A disk on which nothing can be changed. */
function readOnly(disk: SimDisk): Files {
  const files = disk.files();
  return {
    ...files,
    open: async (path, mode) => (mode === "read" ? files.open(path, mode) : refuse()),
    makeFolder: refuse,
    rename: refuse,
    link: refuse,
    unlink: refuse,
    syncFolder: refuse,
  };
}

function refuse(): never {
  throw new Error("a view writes");
}

async function viewOf(disk: SimDisk, keys = READS): Promise<SpoolView> {
  const opened = await viewSpool({ files: readOnly(disk), folder: SPOOL_FOLDER, keys });
  if (opened.kind === "unusable") throw new Error(opened.reason);
  return opened.view;
}

for (const way of ["dsync", "encrypted"] as const) {
  test(`a view shows what the daemon would find, and changes nothing (${way})`, async () => {
    const disk = await dayOn(way);
    const view = await viewOf(disk);
    for (const { message } of view.messages) await view.checkText(message.msgid);
    assert.deepEqual(view.damages, []);
    const spool = await openSpool(smallSpool(disk.files(), way));
    assert.deepEqual(view.messages, await allRecovered(spool));
    for (const { message } of view.messages) {
      const text = view.text(message.msgid);
      assert.equal(text.bytes, message.textBytes);
      assert.deepEqual(
        await readAll(text.chunks()),
        await readAll(spool.text(message.msgid).chunks()),
      );
    }
  });

  test(`a bit that flips anywhere in a segment is found, with its place (${way})`, async () => {
    const disk = await dayOn(way);
    const path = `${SPOOL_FOLDER}/journal/${(await disk.files().list(`${SPOOL_FOLDER}/journal`)).toSorted()[0]}`;
    const file = await disk.files().open(path, "read");
    const bytes = await file.read(0, 1 << 20);
    await file.close();
    for (let at = 4096; at < bytes.length; at += 97) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 4;
      await disk.files().unlink(path);
      disk.plantFile(path, flipped);
      const { damages } = await viewOf(disk);
      assert.equal(damages.length, 1, `byte ${at}`);
      assert.equal(damages[0]?.file, path);
      assert.ok((damages[0]?.offset ?? at + 1) <= at, `byte ${at} is behind ${damages[0]?.offset}`);
    }
  });
}

test("without its key an encrypted spool is neither read nor changed, and says which key it needs", async () => {
  const disk = await dayOn("encrypted");
  const opened = await viewSpool({ files: readOnly(disk), folder: SPOOL_FOLDER, keys: NO_KEYS });
  assert.ok(opened.kind === "unusable");
  assert.match(
    opened.reason,
    /^the queue is encrypted with a key that 'queue encryption' does not give: [0-9a-f]{16} of \/spool\/journal\/[0-9]+\.seg/,
  );
  await assert.rejects(openSpool({ ...smallSpool(disk.files(), "dsync"), keys: NO_KEYS }), {
    message: `Cannot open the spool: ${opened.reason}`,
  });
  assert.deepEqual(await disk.files().list(`${SPOOL_FOLDER}/corrupt`), []);
  const spool = await openSpool(smallSpool(disk.files(), "dsync"));
  assert.ok((await allRecovered(spool)).length > 0, "with the key all is as before");
});

test("no address and no word of a text is in the files of an encrypted spool", async () => {
  const disk = await dayOn("encrypted");
  const files = disk.files();
  for (const name of await files.list(`${SPOOL_FOLDER}/journal`)) {
    const file = await files.open(`${SPOOL_FOLDER}/journal/${name}`, "read");
    const bytes = Buffer.from(await file.read(0, 1 << 20));
    for (const word of ["example", "user1", "relay", "smtpd.conf"]) {
      assert.equal(bytes.includes(word), false, `${word} in ${name}`);
    }
    await file.close();
  }
});

test("a journal that is compacted has nothing but what is not finished, under the key of now", async () => {
  const disk = await dayOn("encrypted");
  const { messages } = await viewOf(disk);
  const before = disk.usedBytes;
  assert.equal(await compactSpool(smallSpool(disk.files(), "dsync")), undefined);
  assert.ok(disk.usedBytes < before, `${disk.usedBytes} of ${before} bytes`);
  const view = await viewOf(disk);
  assert.deepEqual(
    view.messages.map(({ message }) => message.msgid).toSorted(),
    messages.map(({ message }) => message.msgid).toSorted(),
  );
  for (const { message } of view.messages) await view.checkText(message.msgid);
  assert.deepEqual(view.damages, []);
  const segments = await disk.files().list(`${SPOOL_FOLDER}/journal`);
  for (const name of segments) {
    const file = await disk.files().open(`${SPOOL_FOLDER}/journal/${name}`, "read");
    const reading = readHeader(await file.read(0, 4096));
    assert.equal(reading.kind === "header" ? reading.header.encryption : "none", undefined);
    await file.close();
  }
});
