/**
 * `smtpctl spool compact` stopped at each of its operations: it writes all that is not
 * finished anew, under another key and in another form, unlinks what was there, and writes
 * a checkpoint. Whenever it stops, all mail is where it was or where it was put.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compactSpool } from "#engine/spool/journal-spool.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { mortalFiles } from "./mortal-files.ts";
import { SpoolModel } from "./spool-model.ts";
import { openSpool, runDay, SPOOL_FOLDER, smallSpool, type Way } from "./spool-scenario.ts";

/** Outcomes of each power cut that are looked at. */
const OUTCOMES = 2;

interface Evening {
  readonly disk: SimDisk;
  readonly model: SpoolModel;
}

/** A spool after a day, written the other way than the compaction will write. */
async function afterADay(seed: number, way: Way): Promise<Evening> {
  const disk = new SimDisk(new SimClock(), simRandom(seed));
  disk.plantFolder(SPOOL_FOLDER);
  const model = new SpoolModel();
  await runDay(disk.files(), way === "encrypted" ? "dsync" : "encrypted", model);
  return { disk, model };
}

async function check({ disk, model }: Evening, what: string): Promise<void> {
  const spool = await openSpool(smallSpool(disk.files(), "dsync"));
  assert.deepEqual(await model.faults(spool, await allRecovered(spool)), [], what);
  await spool.close();
}

for (const way of ["fdatasync", "encrypted"] as const) {
  test(`a compaction that stops at any operation costs nothing (${way})`, async () => {
    const whole = await afterADay(1, way);
    const before = whole.disk.operations;
    assert.equal(await compactSpool(smallSpool(whole.disk.files(), way)), undefined);
    const operations = whole.disk.operations - before;
    await check(whole, "not stopped");
    for (let at = 1; at <= operations; at++) {
      const cut = await afterADay(at, way);
      cut.disk.losePowerAt(cut.disk.operations + at);
      await Promise.race([compactSpool(smallSpool(cut.disk.files(), way)), cut.disk.powerLost]);
      for (let seed = 1; seed <= OUTCOMES; seed++) {
        const disk = cut.disk.crash(simRandom(at * 100 + seed));
        await check({ disk, model: cut.model }, `cut at ${at} of ${operations}, outcome ${seed}`);
      }
      const killed = await afterADay(at, way);
      const { files, death } = mortalFiles(killed.disk.files(), at);
      await Promise.race([compactSpool(smallSpool(files, way)), death]);
      await check(killed, `killed at ${at}`);
    }
  });
}
