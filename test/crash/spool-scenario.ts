/**
 * A day in the life of a spool: mail small and large, deferred, delivered, held,
 * removed and bounced, in segments so small that they are rotated, written anew
 * and unlinked. The same operations in the same order each time.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import { type JournalSpoolOptions, openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { CommitOutcome, Spool, SpoolEntry } from "#engine/spool/spool.ts";
import { SimClock } from "#world/sim/clock.ts";
import { simRandom } from "#world/sim/random.ts";
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
} from "./mail.ts";
import type { SpoolModel } from "./spool-model.ts";

export const SPOOL_FOLDER = "/spool";
/** Room for a header and a few messages. */
export const SMALL_SEGMENT_BYTES: number = 4096 + 6000;

/** How the spool of a scenario works; "encrypted" is with zstd and a key, by O_DSYNC. */
export type Way = "dsync" | "fdatasync" | "encrypted";

const QUEUE_KEY = "0123456789abcdef0123456789abcdef";

const ROUNDS = 12;
const MINUTE_MS = 60_000;
/** More than the operations that fail in a row in any test. */
const MAX_ATTEMPTS = 5;

export function smallSpool(
  files: Files,
  way: Way,
  clock: Clock = new SimClock(),
): JournalSpoolOptions {
  return {
    files,
    clock,
    random: simRandom(7),
    observe: () => {},
    folder: SPOOL_FOLDER,
    durability: way === "fdatasync" ? "fdatasync" : "dsync",
    ...storageOf(way),
    segmentBytes: SMALL_SEGMENT_BYTES,
    // Nothing is cached: what is read comes from the disk.
    textCacheBytes: 0,
    reserveBytes: 0,
    // Several times a day.
    checkpointRecords: 20,
  };
}

/** All of them read what another one encrypted, as after a change of the configuration. */
function storageOf(way: Way): Pick<JournalSpoolOptions, "compression" | "keys"> {
  return way === "encrypted"
    ? { compression: "zstd", keys: new Keyring([QUEUE_KEY]) }
    : { compression: "off", keys: new Keyring([undefined, QUEUE_KEY]) };
}

/** Opens a spool that opens at the last attempt, if not before. */
export async function openSpool(options: JournalSpoolOptions, attempts = 1): Promise<Spool> {
  const opened = await openJournalSpool(options);
  if (opened.kind === "opened") return opened.spool;
  if (attempts > 1) return openSpool(options, attempts - 1);
  throw new Error(`Cannot open the spool: ${opened.reason}`);
}

/** Opens a spool and runs the day; refusals are taken as they come. */
export async function runDay(files: Files, way: Way, model: SpoolModel): Promise<void> {
  const clock = new SimClock();
  const spool = await openSpool(smallSpool(files, way, clock), MAX_ATTEMPTS);
  const day = new Day(spool, model);
  const old = mail(1, { recipients: 3, textBytes: 900 });
  const large = mail(2, { recipients: 2, textBytes: 5000 });
  await Promise.all([day.accept(old), day.acceptLarge(large), day.accept(mail(3))]);
  await Promise.all([
    day.commit(deferred(evpidOf(old), 1)),
    day.commit(deferred(evpidOf(old, 2), 1), held(evpidOf(old, 3), true)),
    day.commit(delivered(evpidOf(mail(3)))),
    day.commit(deferred(evpidOf(large), 1)),
  ]);
  await day.dropLarge(mail(4, { textBytes: 3000 }));
  await day.commit(failed(evpidOf(large, 2)), day.entry(mail(5, { bounce: true })));
  // The sender is told that it takes long: with the attempt that showed it, or not at all.
  await day.commit(deferred(evpidOf(large), 2), day.entry(mail(7, { bounce: true })));
  for (let round = 0; round < ROUNDS; round++) {
    await day.round(0x100 + round * 8, old, round);
    // Compaction leaves busy messages alone for a while.
    await clock.advance(MINUTE_MS);
  }
  await day.commit(held(evpidOf(old, 3), false));
  await Promise.all([
    day.commit(delivered(evpidOf(large))),
    day.commit(removed(evpidOf(mail(5)))),
    day.commit(delivered(evpidOf(mail(7)))),
    day.acceptLarge(mail(6, { textBytes: 2000 })),
  ]);
  await spool.close();
}

class Day {
  readonly #spool: Spool;
  readonly #model: SpoolModel;

  constructor(spool: Spool, model: SpoolModel) {
    this.#spool = spool;
    this.#model = model;
  }

  commit(...batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    return this.#model.commit(this.#spool, batch);
  }

  entry(one: Mail): SpoolEntry {
    this.#model.expectText(one.message.msgid, one.text);
    return accepted(one);
  }

  accept(one: Mail): Promise<CommitOutcome> {
    return this.commit(this.entry(one));
  }

  async acceptLarge(one: Mail): Promise<void> {
    this.#model.expectText(one.message.msgid, one.text);
    const blob = this.#spool.openBlob(one.message.msgid);
    const middle = one.text.length >> 1;
    await blob.write([one.text.subarray(0, middle)]);
    const written = await blob.write([one.text.subarray(middle)]);
    if (written === "durable") await this.commit(acceptedAsBlob(one));
    else await blob.drop();
  }

  async dropLarge(one: Mail): Promise<void> {
    const blob = this.#spool.openBlob(one.message.msgid);
    await blob.write([one.text]);
    await blob.drop();
  }

  /** Four messages come, three are delivered at once; the old one is tried again meanwhile. */
  async round(first: number, old: Mail, round: number): Promise<void> {
    const mails = [0, 1, 2, 3].map((at) => mail(first + at, { textBytes: 1100 + at * 77 }));
    await Promise.all(mails.map((one) => this.accept(one)));
    const [stays, ...rest] = mails;
    await Promise.all([
      ...rest.map((one) => this.commit(delivered(evpidOf(one)))),
      this.commit(deferred(evpidOf(old), round + 2)),
    ]);
    if (stays !== undefined && round % 3 !== 0) await this.commit(delivered(evpidOf(stays)));
  }
}
