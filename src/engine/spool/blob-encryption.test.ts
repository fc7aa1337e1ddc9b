import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedAsBlob, mail } from "#test/crash/mail.ts";
import { openSpool, SPOOL_FOLDER, smallSpool, type Way } from "#test/crash/spool-scenario.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { BLOB_HEADER_BYTES } from "./blob-header.ts";
import { Keyring } from "./queue-keys.ts";
import { viewSpool } from "./spool-view.ts";

const KEYS = new Keyring([undefined, "0123456789abcdef0123456789abcdef"]);
const PIECE = 1000;
const ONE = mail(0x12_00_00_01, { textBytes: 3 * PIECE });
const PATH = `${SPOOL_FOLDER}/blobs/12/12000001`;

/** A spool with one large text that came in three pieces, and the bytes of its blob. */
async function spoolWithBlob(way: Way) {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder(SPOOL_FOLDER);
  const spool = await openSpool(smallSpool(disk.files(), way));
  const blob = spool.openBlob(ONE.message.msgid);
  for (let at = 0; at < ONE.text.length; at += PIECE)
    assert.equal(await blob.write([ONE.text.subarray(at, at + PIECE)]), "durable");
  assert.equal(await spool.commit([acceptedAsBlob(ONE)]), "durable");
  await spool.close();
  const file = await disk.files().open(PATH, "read");
  const bytes = await file.read(0, 1 << 20);
  await file.close();
  return { disk, bytes };
}

/** What a reader of the text gets before the end, or before the damage. */
async function readWith(disk: SimDisk, bytes: Uint8Array) {
  await disk.files().unlink(PATH);
  disk.plantFile(PATH, bytes);
  const opened = await viewSpool({ files: disk.files(), folder: SPOOL_FOLDER, keys: KEYS });
  if (opened.kind === "unusable") throw new Error(opened.reason);
  const given: Uint8Array[] = [];
  try {
    for await (const piece of opened.view.text(ONE.message.msgid).chunks()) given.push(piece);
    return { given: Buffer.concat(given), end: "whole" };
  } catch (error) {
    return { given: Buffer.concat(given), end: (error as Error).message };
  }
}

const TEXT = Buffer.from(ONE.text);

test("of an encrypted blob nothing is given out that is not what was accepted, whatever bit flips", async () => {
  const { disk, bytes } = await spoolWithBlob("encrypted");
  assert.deepEqual(await readWith(disk, bytes), { given: TEXT, end: "whole" });
  for (let at = 0; at < bytes.length; at += 13) {
    const flipped = bytes.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 0x20;
    const { given, end } = await readWith(disk, flipped);
    assert.match(end, /^Cannot read text/u, `byte ${at}`);
    assert.ok(given.length < TEXT.length && given.equals(TEXT.subarray(0, given.length)));
  }
});

test("an encrypted blob that is cut off, or whose chunks changed places, is damaged", async () => {
  const { disk, bytes } = await spoolWithBlob("encrypted");
  for (const cut of [0, 20, BLOB_HEADER_BYTES, bytes.length - 1]) {
    const { end } = await readWith(disk, bytes.slice(0, cut));
    assert.match(end, /^Cannot read text/u, `cut at ${cut}`);
  }
  const body = bytes.subarray(BLOB_HEADER_BYTES);
  const chunkBytes = 12 + new DataView(body.buffer, body.byteOffset).getUint32(4);
  const swapped = Buffer.concat([
    bytes.subarray(0, BLOB_HEADER_BYTES),
    body.subarray(chunkBytes),
    body.subarray(0, chunkBytes),
  ]);
  const { given, end } = await readWith(disk, swapped);
  assert.equal(given.length, 0);
  assert.match(end, /^Cannot read text/u);
});

test("a plain blob, even with the right text, does not pass for an encrypted one", async () => {
  const { disk } = await spoolWithBlob("encrypted");
  const plain = await spoolWithBlob("dsync");
  assert.equal(Buffer.compare(plain.bytes, TEXT), 0, "it lies there as it came");
  const { given, end } = await readWith(disk, plain.bytes);
  assert.equal(given.length, 0);
  assert.match(end, /^Cannot read text/u);
});
