import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk, type SimDiskSettings } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import {
  accepted,
  acceptedAsBlob,
  deferred,
  delivered,
  evpidOf,
  failed,
  held,
  mail,
  readAll,
  removed,
} from "#test/crash/mail.ts";
import { SpoolModel } from "#test/crash/spool-model.ts";
import { openSpool, SPOOL_FOLDER, smallSpool } from "#test/crash/spool-scenario.ts";
import type { Spool } from "./spool.ts";

/** What a random caller does next; numbers choose among the messages that there are. */
type Deed =
  | { readonly do: "accept"; readonly textBytes: number; readonly recipients: number }
  | { readonly do: "accept-large"; readonly textBytes: number }
  | { readonly do: "defer" | "deliver" | "bounce" | "hold" | "remove"; readonly which: number }
  | { readonly do: "wait" };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("accept" as const),
      textBytes: fc.integer({ min: 0, max: 3000 }),
      recipients: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    do: fc.constant("accept-large" as const),
    textBytes: fc.integer({ min: 0, max: 9000 }),
  }),
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("defer", "deliver", "bounce", "hold", "remove"),
      which: fc.nat(1000),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: "wait" } as const) },
);

function emptyDisk(seed: number, settings: SimDiskSettings = {}): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(seed), settings);
  disk.plantFolder(SPOOL_FOLDER);
  return disk;
}

/** Does `deeds`, many at a time; waits for the answers only at a "wait". */
async function act(spool: Spool, model: SpoolModel, deeds: readonly Deed[]): Promise<void> {
  let answers: Promise<unknown>[] = [];
  let number = 1;
  for (const next of deeds) {
    const open = model.openEnvelopes();
    if (next.do === "wait") {
      await Promise.all(answers);
      answers = [];
    } else if (next.do === "accept") {
      const one = mail(number++, next);
      model.expectText(one.message.msgid, one.text);
      answers.push(model.commit(spool, [accepted(one)]));
    } else if (next.do === "accept-large") {
      const one = mail(number++, next);
      model.expectText(one.message.msgid, one.text);
      void spool.openBlob(one.message.msgid).write([one.text]);
      answers.push(model.commit(spool, [acceptedAsBlob(one)]));
    } else {
      const evpid = open[next.which % Math.max(1, open.length)];
      if (evpid === undefined) continue;
      const bounce = mail(number++, { bounce: true });
      model.expectText(bounce.message.msgid, bounce.text);
      const batch = {
        defer: [deferred(evpid, number)],
        deliver: [delivered(evpid)],
        bounce: [failed(evpid), accepted(bounce)],
        hold: [held(evpid, number % 2 === 0)],
        remove: [removed(evpid)],
      };
      answers.push(model.commit(spool, batch[next.do]));
    }
  }
  await Promise.all(answers);
}

test("whatever is done and whenever power is cut, what was durable is there and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(deed, { maxLength: 60 }),
      fc.nat(200),
      fc.nat(),
      async (deeds, cutAt, seed) => {
        const disk = emptyDisk(seed);
        const spool = await openSpool(smallSpool(disk.files(), "dsync"));
        disk.losePowerAt(disk.operations + 1 + cutAt);
        const model = new SpoolModel();
        await Promise.race([act(spool, model, deeds), disk.powerLost]);
        const again = await openSpool(smallSpool(disk.crash(simRandom(seed)).files(), "dsync"));
        assert.deepEqual(await model.faults(again, await allRecovered(again)), []);
      },
    ),
    { numRuns: 150 },
  );
});

test("a full disk refuses, loses nothing, and accepts again when there is room", async () => {
  const disk = emptyDisk(1, { capacityBytes: 60_000 });
  const clock = new SimClock();
  const spool = await openSpool(smallSpool(disk.files(), "dsync", clock));
  const model = new SpoolModel();
  let number = 1;
  let outcome = "durable";
  while (outcome === "durable") {
    const one = mail(number++, { textBytes: 3000 });
    model.expectText(one.message.msgid, one.text);
    outcome = await model.commit(spool, [accepted(one)]);
  }
  assert.equal(outcome, "full");
  for (const evpid of model.openEnvelopes()) await model.commit(spool, [delivered(evpid)]);
  await clock.advance(1000);
  const after = mail(number, { textBytes: 3000 });
  model.expectText(after.message.msgid, after.text);
  assert.equal(await model.commit(spool, [accepted(after)]), "durable");
  await spool.close();
  const again = await openSpool(smallSpool(disk.files(), "dsync"));
  assert.deepEqual(await model.faults(again, await allRecovered(again)), []);
});

test("the reserve is for results and bounces, not for new mail", async () => {
  const disk = emptyDisk(1, { capacityBytes: 50_000 });
  const spool = await openSpool({ ...smallSpool(disk.files(), "dsync"), reserveBytes: 30_000 });
  assert.equal(await spool.commit([accepted(mail(1, { textBytes: 10_000 }))]), "durable");
  assert.equal(spool.hasRoom(10_000), false);
  assert.equal(await spool.commit([accepted(mail(2, { textBytes: 10_000 }))]), "full");
  const bounce = accepted(mail(3, { textBytes: 9000, bounce: true }));
  assert.equal(await spool.commit([failed(evpidOf(mail(1))), bounce]), "durable");
});

test("memory for envelopes is bounded: beyond it new mail is refused, results and bounces are not", async () => {
  const spool = await openSpool({ ...smallSpool(emptyDisk(1).files(), "dsync"), maxEnvelopes: 3 });
  assert.equal(await spool.commit([accepted(mail(1, { recipients: 3 }))]), "durable");
  assert.equal(spool.hasRoom(0), false);
  assert.equal(await spool.commit([accepted(mail(2))]), "full");
  const bounce = accepted(mail(3, { bounce: true }));
  assert.equal(await spool.commit([failed(evpidOf(mail(1))), bounce]), "durable");
  assert.equal(await spool.commit([delivered(evpidOf(mail(1), 2))]), "durable");
  assert.equal(await spool.commit([accepted(mail(4))]), "durable");
});

test("a large text that leaves only the reserve is refused while it arrives", async () => {
  const disk = emptyDisk(1, { capacityBytes: 50_000 });
  const spool = await openSpool({ ...smallSpool(disk.files(), "dsync"), reserveBytes: 30_000 });
  const blob = spool.openBlob("00000001");
  assert.equal(await blob.write([new Uint8Array(15_000)]), "durable");
  assert.equal(await blob.write([new Uint8Array(15_000)]), "full");
  assert.equal(await blob.write([new Uint8Array(1)]), "full", "no gap in the text");
  await blob.drop();
  assert.equal(disk.usedBytes, 0);
});

test("after a failed sync the spool goes on in a fresh segment", async () => {
  const disk = emptyDisk(1);
  const spool = await openSpool(smallSpool(disk.files(), "fdatasync"));
  await spool.commit([accepted(mail(1))]);
  disk.failNext("sync", "EIO");
  assert.equal(await spool.commit([accepted(mail(2))]), "failed");
  assert.equal(await spool.commit([accepted(mail(3))]), "durable");
  assert.equal(spool.has("00000002"), false);
  const names = await disk.files().list(`${SPOOL_FOLDER}/journal`);
  assert.deepEqual(names.toSorted(), ["00000001.seg", "00000002.seg"]);
});

test("trouble is told once, not for each batch", async () => {
  const disk = emptyDisk(1);
  const told: string[] = [];
  const options = smallSpool(disk.files(), "dsync");
  const spool = await openSpool({ ...options, observe: ({ kind }) => told.push(kind) });
  disk.fail({ operation: "write", code: "EIO", times: 20 });
  for (let number = 1; number <= 10; number++) await spool.commit([accepted(mail(number))]);
  assert.equal(told.filter((kind) => kind === "spool-trouble").length, 1);
});

test("a first attempt reads no disk", async () => {
  const disk = emptyDisk(1);
  const spool = await openSpool({ ...smallSpool(disk.files(), "dsync"), textCacheBytes: 10_000 });
  const one = mail(1);
  await spool.commit([accepted(one)]);
  const before = disk.operations;
  assert.deepEqual(await readAll(spool.text(one.message.msgid).chunks()), one.text);
  assert.equal(disk.operations, before);
});

test("a text can be read until its message is finished", async () => {
  const spool = await openSpool(smallSpool(emptyDisk(1).files(), "dsync"));
  const one = mail(1, { textBytes: 700_000 });
  await spool.commit([accepted(one)]);
  const text = spool.text(one.message.msgid);
  assert.equal(text.bytes, 700_000);
  assert.deepEqual(await readAll(text.chunks()), one.text);
  await spool.commit([delivered(evpidOf(one))]);
  await assert.rejects(readAll(text.chunks()), { code: "ENOENT" });
  assert.equal(spool.has(one.message.msgid), false);
});

test("a blob that another message has cannot be overwritten or dropped", async () => {
  const spool = await openSpool(smallSpool(emptyDisk(1).files(), "dsync"));
  const one = mail(1, { textBytes: 500 });
  const blob = spool.openBlob(one.message.msgid);
  await blob.write([one.text]);
  await spool.commit([acceptedAsBlob(one)]);
  await blob.drop();
  const other = spool.openBlob(one.message.msgid);
  assert.equal(await other.write([new Uint8Array(3)]), "failed");
  await other.drop();
  assert.deepEqual(await readAll(spool.text(one.message.msgid).chunks()), one.text);
});

test("a closed spool refuses", async () => {
  const spool = await openSpool(smallSpool(emptyDisk(1).files(), "dsync"));
  const last = spool.commit([accepted(mail(1))]);
  await spool.close();
  assert.equal(await last, "durable");
  assert.equal(await spool.commit([accepted(mail(2))]), "failed");
});

/** The files that are open after mail that came, was read if `isRead`, and was delivered; and the segments that are left. */
async function openAfterDeliveries(isRead: boolean): Promise<{ open: number; segments: number }> {
  const disk = emptyDisk(5);
  const spool = await openSpool(smallSpool(disk.files(), "dsync"));
  for (let number = 1; number <= 40; number++) {
    const letter = mail(number, { textBytes: 3000 });
    assert.equal(await spool.commit([accepted(letter)]), "durable");
    if (isRead) {
      const text = await readAll(spool.text(letter.message.msgid).chunks());
      assert.deepEqual(text, letter.text);
    }
    assert.equal(await spool.commit([delivered(evpidOf(letter))]), "durable");
  }
  const { openFiles: open } = disk;
  const { length: segments } = await disk.files().list(`${SPOOL_FOLDER}/journal`);
  await spool.close();
  assert.equal(disk.openFiles, 0);
  return { open, segments };
}

test("no segment that is gone stays open for who has read a text of it", async () => {
  const unread = await openAfterDeliveries(false);
  const { open, segments } = await openAfterDeliveries(true);
  assert.ok(open - unread.open <= segments, `${open} files are open, ${unread.open} by who writes`);
});

/** Mail in several segments, each of whose texts was read; what is open then beside what was before. */
async function readFromAll(disk: SimDisk): Promise<{ spool: Spool; kept: number }> {
  const spool = await openSpool(smallSpool(disk.files(), "dsync"));
  const letters = Array.from({ length: 6 }, (_, at) => mail(at + 1, { textBytes: 5000 }));
  for (const letter of letters) assert.equal(await spool.commit([accepted(letter)]), "durable");
  const { openFiles } = disk;
  for (const letter of letters) await readAll(spool.text(letter.message.msgid).chunks());
  return { spool, kept: disk.openFiles - openFiles };
}

test("a spool that is closed leaves no segment open that was read", async () => {
  const disk = emptyDisk(6);
  const { spool, kept } = await readFromAll(disk);
  assert.ok(kept > 0, "segments stay open");
  await spool.close();
  assert.equal(disk.openFiles, 0);
});

test("a text that could not be read, and one in a file of its own, leave no segment open", async () => {
  const disk = emptyDisk(7);
  const spool = await openSpool(smallSpool(disk.files(), "dsync"));
  const [large, lost] = [mail(1, { textBytes: 5000 }), mail(2, { textBytes: 5000 })];
  for (const letter of [large, lost]) {
    const blob = spool.openBlob(letter.message.msgid);
    assert.equal(await blob.write([letter.text]), "durable");
    assert.equal(await spool.commit([acceptedAsBlob(letter)]), "durable");
  }
  const path = `${SPOOL_FOLDER}/blobs/${lost.message.msgid.slice(0, 2)}/${lost.message.msgid}`;
  await disk.files().unlink(path);
  assert.deepEqual(await readAll(spool.text(large.message.msgid).chunks()), large.text);
  await assert.rejects(readAll(spool.text(lost.message.msgid).chunks()), { code: "ENOENT" });
  await spool.close();
  assert.equal(disk.openFiles, 0);
});
