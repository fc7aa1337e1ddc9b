import assert from "node:assert/strict";
import { test } from "node:test";
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
  failed,
  mail,
  readAll,
} from "#test/crash/mail.ts";
import { openSpool, SPOOL_FOLDER, smallSpool } from "#test/crash/spool-scenario.ts";
import { RamSpool } from "./ram-spool.ts";
import type { Spool } from "./spool.ts";

const BACKENDS: Readonly<Record<string, () => Promise<Spool>>> = {
  "ram spool": () => Promise.resolve(new RamSpool()),
  "journal spool": () => {
    const disk = new SimDisk(new SimClock(), simRandom(1));
    disk.plantFolder(SPOOL_FOLDER);
    return openSpool(smallSpool(disk.files(), "dsync"));
  },
};

for (const [name, open] of Object.entries(BACKENDS)) {
  test(`${name} has a message until its last envelope is finished`, async () => {
    const spool = await open();
    const one = mail(1, { recipients: 2 });
    assert.equal(await spool.commit([accepted(one)]), "durable");
    assert.deepEqual(await readAll(spool.text("00000001").chunks()), one.text);
    await spool.commit([deferred(evpidOf(one), 1), delivered(evpidOf(one, 2))]);
    assert.equal(spool.has("00000001"), true);
    const bounce = mail(2, { bounce: true });
    await spool.commit([failed(evpidOf(one)), accepted(bounce)]);
    assert.deepEqual([spool.has("00000001"), spool.has("00000002")], [false, true]);
  });

  test(`${name} keeps a large text that came in pieces, and forgets a dropped one`, async () => {
    const spool = await open();
    const one = mail(1, { textBytes: 9000 });
    const blob = spool.openBlob("00000001");
    await blob.write([one.text.subarray(0, 4000)]);
    await blob.write([one.text.subarray(4000)]);
    const dropped = spool.openBlob("00000002");
    await dropped.write([one.text]);
    await dropped.drop();
    assert.equal(await spool.commit([acceptedAsBlob(one)]), "durable");
    assert.equal(spool.text("00000001").bytes, 9000);
    assert.deepEqual(await readAll(spool.text("00000001").chunks()), one.text);
    assert.equal(spool.has("00000002"), false);
  });

  test(`${name} has no text of a message that it does not have`, async () => {
    const spool = await open();
    assert.equal(spool.text("00000009").bytes, 0);
    await assert.rejects(readAll(spool.text("00000009").chunks()), { code: "ENOENT" });
  });

  test(`${name} passes results about what it does not know, and refuses once closed`, async () => {
    const spool = await open();
    assert.equal(await spool.commit([delivered(evpidOf(mail(9)))]), "durable");
    assert.deepEqual(await allRecovered(spool), []);
    await spool.close();
    assert.equal(await spool.commit([accepted(mail(1))]), "failed");
  });
}

test("ram spool plays what an earlier run left, once, and refuses what does not fit", async () => {
  const one = mail(1, { textBytes: 100 });
  const spool = new RamSpool({
    maxTextBytes: 150,
    recovered: [{ message: one.message, envelopes: [] }],
    texts: new Map([["00000001", [one.text]]]),
  });
  assert.equal((await allRecovered(spool)).length, 1);
  assert.equal((await allRecovered(spool)).length, 0);
  assert.deepEqual(await readAll(spool.text("00000001").chunks()), one.text);
  assert.equal(await spool.commit([accepted(mail(2, { textBytes: 51 }))]), "full");
  assert.equal(await spool.commit([accepted(mail(3, { textBytes: 50 }))]), "durable");
});
