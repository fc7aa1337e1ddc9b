/**
 * Writes the golden spool: a small one with every state in it that a message can have
 * on disk. A new format gets a folder of its own, and the old ones stay as they are.
 *
 *   bin/node test/golden-spool/write.ts FOLDER [encrypted]
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { Spool, SpoolEntry } from "#engine/spool/spool.ts";
import {
  accepted,
  acceptedAsBlob,
  deferred,
  delivered,
  evpidOf,
  failed,
  held,
  type Mail,
  mail,
  removed,
} from "#test/crash/mail.ts";
import { nodeFiles } from "#world/node/files.ts";
import { SimClock } from "#world/sim/clock.ts";
import { simRandom } from "#world/sim/random.ts";

const SEGMENT_BYTES: number = 4096 + 6000;
const MINUTE_MS = 60_000;

/** Old enough that the segment where it was accepted is gone: its state was written again. */
export const RESTATED: Mail = mail(1, { recipients: 3, textBytes: 900 });
export const IN_BLOB: Mail = mail(2, { recipients: 2, textBytes: 5000 });
export const UNTRIED: Mail = mail(0x200, { textBytes: 0 });
export const DEFERRED: Mail = mail(0x201, { recipients: 2 });
export const HELD: Mail = mail(0x202);
export const PARTLY_DONE: Mail = mail(0x203, { recipients: 4 });
export const BOUNCE: Mail = mail(0x204, { bounce: true, textBytes: 300 });
const FINISHED: Mail = mail(0x205);
const REMOVED: Mail = mail(0x206);
const IN_BLOB_AND_FINISHED: Mail = mail(0x207, { textBytes: 4000 });
const TORN: Mail = mail(0x208);

/** Of the encrypted ones. */
export const GOLDEN_KEY = "the key of the golden spools ....";
/** So many that one checkpoint is written, with something behind it. */
const CHECKPOINT_RECORDS = 90;

async function write(folder: string, isEncrypted: boolean): Promise<void> {
  mkdirSync(folder);
  const clock = new SimClock();
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock,
    random: simRandom(2),
    observe: () => {},
    folder,
    segmentBytes: SEGMENT_BYTES,
    checkpointRecords: CHECKPOINT_RECORDS,
    ...(isEncrypted ? { compression: "zstd", keys: new Keyring([GOLDEN_KEY]) } : {}),
    reserveBytes: 0,
  });
  if (opened.kind === "unusable") throw new Error(`Cannot write: ${opened.reason}`);
  const { spool } = opened;
  const commit = async (...batch: readonly SpoolEntry[]): Promise<void> => {
    const outcome = await spool.commit(batch);
    if (outcome !== "durable") throw new Error(`Cannot write: a batch was ${outcome}`);
  };
  await commit(accepted(RESTATED));
  await commit(deferred(evpidOf(RESTATED), 1), held(evpidOf(RESTATED, 2), true));
  await commit(delivered(evpidOf(RESTATED, 3)));
  await acceptLarge(spool, IN_BLOB);
  await commit(deferred(evpidOf(IN_BLOB), 2));
  for (let number = 0x100; number < 0x128; number++) {
    await commit(accepted(mail(number, { textBytes: 1200 })));
    await commit(delivered(evpidOf(mail(number))));
    // Compaction works in the background, and real files take real time.
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(MINUTE_MS);
  }
  await commit(accepted(UNTRIED), accepted(DEFERRED));
  await commit(deferred(evpidOf(DEFERRED), 3));
  await commit(accepted(HELD));
  await commit(held(evpidOf(HELD), true));
  await commit(accepted(PARTLY_DONE));
  await commit(deferred(evpidOf(PARTLY_DONE), 4), delivered(evpidOf(PARTLY_DONE, 2)));
  await commit(failed(evpidOf(PARTLY_DONE, 3)), accepted(BOUNCE));
  await commit(accepted(FINISHED), accepted(REMOVED));
  await commit(delivered(evpidOf(FINISHED)), removed(evpidOf(REMOVED)));
  await acceptLarge(spool, IN_BLOB_AND_FINISHED);
  await commit(delivered(evpidOf(IN_BLOB_AND_FINISHED)));
  await commit(accepted(TORN));
  await spool.close();
  tear(`${folder}/journal`);
  rmSync(`${folder}/corrupt`, { recursive: true });
}

async function acceptLarge(spool: Spool, one: Mail): Promise<void> {
  await spool.openBlob(one.message.msgid).write([one.text]);
  if ((await spool.commit([acceptedAsBlob(one)])) !== "durable") throw new Error("Cannot write");
}

/** Cuts the last record, as a crash in the middle of its write may have. */
function tear(journal: string): void {
  const last = readdirSync(journal).toSorted().at(-1) ?? "";
  const path = `${journal}/${last}`;
  writeFileSync(path, readFileSync(path).subarray(0, -100));
}

if (import.meta.main) {
  const [folder, storage] = process.argv.slice(2);
  if (folder === undefined) throw new Error("Usage: bin/node test/golden-spool/write.ts FOLDER");
  await write(folder, storage === "encrypted");
}
