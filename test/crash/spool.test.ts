import assert from "node:assert/strict";
import { test } from "node:test";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { delivered } from "./mail.ts";
import { mortalFiles } from "./mortal-files.ts";
import { SpoolModel } from "./spool-model.ts";
import {
  openSpool,
  runDay,
  SMALL_SEGMENT_BYTES,
  SPOOL_FOLDER,
  smallSpool,
  type Way,
} from "./spool-scenario.ts";

const WAYS: readonly Way[] = ["dsync", "fdatasync", "encrypted"];
/** Outcomes of each power cut that are looked at. */
const OUTCOMES = 2;
/** More of them where only some outcomes of one operation would show the fault. */
const MANY_OUTCOMES = 4;

function emptyDisk(seed: number): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(seed));
  disk.plantFolder(SPOOL_FOLDER);
  return disk;
}

async function operationsOfADay(way: Way): Promise<number> {
  const disk = emptyDisk(1);
  await runDay(disk.files(), way, new SpoolModel());
  assert.equal(disk.openFiles, 0, "every file is closed");
  return disk.operations;
}

/** Opens what a crash left, and checks it against the model; then finishes all mail. */
async function checkDisk(disk: SimDisk, model: SpoolModel, what: string): Promise<void> {
  const options = smallSpool(disk.files(), "dsync");
  const spool = await openSpool(options);
  const found = await allRecovered(spool);
  assert.deepEqual(await model.faults(spool, found), [], what);
  for (const { envelopes } of found) {
    for (const { envelope } of envelopes) await spool.commit([delivered(envelope.evpid)]);
  }
  await spool.close();
  const again = await openSpool(options);
  assert.deepEqual(await allRecovered(again), [], `${what}: what was finished stays finished`);
  await again.close();
}

for (const way of WAYS) {
  test(`a power cut in any operation loses nothing and halves nothing (${way})`, async () => {
    const operations = await operationsOfADay(way);
    for (let at = 1; at <= operations; at++) {
      const disk = emptyDisk(at);
      disk.losePowerAt(at);
      const model = new SpoolModel();
      await Promise.race([runDay(disk.files(), way, model), disk.powerLost]);
      for (let seed = 1; seed <= OUTCOMES; seed++) {
        const found = disk.crash(simRandom(at * 100 + seed));
        await checkDisk(found, model, `power cut at ${at} of ${operations}, outcome ${seed}`);
      }
    }
  });
}

test("a process that dies at any operation, and a power cut in the next run, lose nothing", async () => {
  const operations = await operationsOfADay("fdatasync");
  for (let at = 1; at <= operations; at++) {
    const disk = emptyDisk(at);
    const model = new SpoolModel();
    const { files, death } = mortalFiles(disk.files(), at);
    await Promise.race([runDay(files, "fdatasync", model), death]);
    // The next run sees what the first had not made durable, and acts on it.
    const second = disk.files();
    const spool = await openSpool(smallSpool(second, "fdatasync"));
    const seen = await allRecovered(spool);
    assert.deepEqual(await model.faults(spool, seen), [], `killed at ${at}`);
    for (const { message, envelopes } of seen) {
      const isSure = envelopes.every(({ envelope }) =>
        model.openEnvelopes().includes(envelope.evpid),
      );
      if (!isSure) continue;
      const { evpid } = envelopes[0]?.envelope ?? { evpid: message.msgid };
      await model.commit(spool, [delivered(evpid)]);
    }
    for (let seed = 1; seed <= MANY_OUTCOMES; seed++) {
      const found = disk.crash(simRandom(at * 100 + seed));
      await checkDisk(found, model, `killed at ${at}, then the power was cut, outcome ${seed}`);
    }
  }
});

for (const code of ["EIO", "ENOSPC"]) {
  for (const way of WAYS) {
    test(`an operation that fails with ${code} loses nothing (${way})`, async () => {
      const operations = await operationsOfADay(way);
      for (let at = 1; at <= operations; at++) {
        const disk = emptyDisk(at);
        disk.onOperation = ({ number, name }) => {
          if (number === at) disk.fail({ operation: name, code, times: 1 + (at % 3) });
        };
        const model = new SpoolModel();
        await runDay(disk.files(), way, model);
        disk.clearFaults();
        disk.onOperation = undefined;
        const found = disk.crash(simRandom(at));
        await checkDisk(found, model, `${code} at ${at} of ${operations}`);
      }
    });
  }
}

test("one old message does not keep the journal from shrinking", async () => {
  const disk = emptyDisk(1);
  const model = new SpoolModel();
  await runDay(disk.files(), "dsync", model);
  const segments = await disk.files().list(`${SPOOL_FOLDER}/journal`);
  // 36 messages went through; unfinished are 7, of which the first has lain there all day.
  assert.ok(segments.length <= 6, `${segments.length} segments`);
  assert.ok(!segments.includes("00000001.seg"), "the first segment is gone");
  assert.ok(disk.usedBytes < 7 * SMALL_SEGMENT_BYTES + 10_000, `${disk.usedBytes} bytes`);
});
