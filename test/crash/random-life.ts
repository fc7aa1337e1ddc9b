/**
 * A spool that lives several lives, each of which ends in another way, and does at random
 * what a queue does: mail small and large comes, is deferred, held, delivered, removed,
 * fails with a report in the same batch, and is told of as late with a notice in the same
 * batch. Each life has forms, keys and ways of syncing of its own, as after a change of the
 * configuration; segments are so small that they are restated and unlinked all the time.
 *
 * All of it follows from one number.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import { type JournalSpoolOptions, openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { CommitOutcome, Spool, SpoolEntry, StoredMessage } from "#engine/spool/spool.ts";
import { DAMAGED_TEXT } from "#engine/spool/stored-text.ts";
import { allRecovered } from "#test/support/recovered.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { type SimRandom, simRandom } from "#world/sim/random.ts";
import { harmCheckpoint } from "./checkpoint-harm.ts";
import {
  accepted,
  acceptedAsBlob,
  deferred,
  delivered,
  failed,
  held,
  type Mail,
  mail,
  removed,
} from "./mail.ts";
import { mortalFiles } from "./mortal-files.ts";
import { SpoolModel } from "./spool-model.ts";
import { SPOOL_FOLDER } from "./spool-scenario.ts";

const LIVES = 3;
const TURNS = 12;
/** What comes in one turn is under way together. */
const MAX_AT_ONCE = 4;
const MAX_LARGE_BYTES = 6000;
const MAX_SMALL_BYTES = 1500;
/** Enough for restating to be tried again. */
const MAX_PASS_MS = 60_000;
/** Operations of the disk in a life, about. */
const OPERATIONS = 120;
const SEGMENT_BYTES = 4096 + 2500;

const KEY_TEXTS = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"] as const;
/** The first one writes; all that ever wrote can be read. */
const KEYRINGS = [
  new Keyring([undefined, ...KEY_TEXTS]),
  new Keyring([...KEY_TEXTS]),
  new Keyring([KEY_TEXTS[1], KEY_TEXTS[0]]),
] as const;

type Ending = "closed" | "power cut" | "killed" | "failing disk";

/** An envelope that may be attempted, and how often it was. */
interface Known {
  readonly evpid: string;
  retryCount: number;
}

/** What broke a promise, in words; undefined if nothing did. */
export async function liveThrough(seed: number): Promise<string | undefined> {
  const lives = new Lives(seed);
  for (let number = 1; number <= LIVES; number++) {
    const faults = await lives.live();
    if (faults.length > 0) return `life ${number} of ${LIVES}: ${faults.join("; ")}`;
  }
  const faults = await lives.finish();
  return faults.length > 0 ? `after the last life: ${faults.join("; ")}` : undefined;
}

class Lives {
  readonly #random: SimRandom;
  readonly #model = new SpoolModel();
  #disk: SimDisk;
  /** Checkpoints that there were: an old one may come back from a backup. */
  readonly #checkpoints: Uint8Array[] = [];
  #nextMail = 1;
  /** That of the life that is lived now. */
  #spool: Spool | undefined;

  constructor(seed: number) {
    this.#random = simRandom(seed);
    this.#disk = new SimDisk(new SimClock(), this.#random.fork("disk"));
    this.#disk.plantFolder(SPOOL_FOLDER);
  }

  /** One life, and what the next one would find wrong. */
  async live(): Promise<readonly string[]> {
    const random = this.#random;
    const disk = this.#disk;
    const ending: Ending = random.pick([
      "closed",
      "power cut",
      "power cut",
      "killed",
      "failing disk",
    ]);
    const at = 1 + random.below(OPERATIONS);
    if (ending === "power cut") disk.losePowerAt(disk.operations + at);
    if (ending === "failing disk") this.#failAt(disk, disk.operations + at);
    const { files, death } = mortalFiles(disk.files(), ending === "killed" ? at : Infinity);
    const faults = await Promise.race([
      this.#run(files),
      death.then(() => []),
      disk.powerLost.then(() => []),
    ]);
    this.#spool = undefined;
    disk.onOperation = undefined;
    disk.clearFaults();
    // A process may die and leave the disk its power: then all is seen, durable or not.
    const losesPower = ending === "power cut" || random.chance(30);
    if (losesPower) this.#disk = disk.crash(random.fork("crash"));
    await harmCheckpoint(this.#disk, random, this.#checkpoints);
    return faults;
  }

  /** Everything that is left is delivered, and stays so. */
  async finish(): Promise<readonly string[]> {
    const { spool, found, faults } = await this.#open(this.#disk.files());
    if (faults.length > 0) return faults;
    for (const { envelopes } of found) {
      for (const { envelope } of envelopes) await this.#commit(spool, [delivered(envelope.evpid)]);
    }
    await spool.close();
    const again = await this.#open(this.#disk.files());
    await again.spool.close();
    return again.faults;
  }

  /** Of a process that is dead nothing comes any more, though its last answers were on their way. */
  async #commit(spool: Spool, batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    if (spool !== this.#spool) return new Promise(() => {});
    const outcome = await this.#model.commit(spool, batch);
    return spool === this.#spool ? outcome : new Promise(() => {});
  }

  #failAt(disk: SimDisk, at: number): void {
    const code = this.#random.pick(["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EACCES"]);
    const times = 1 + this.#random.below(3);
    disk.onOperation = ({ number, name }) => {
      // A read that fails is damage to whoever reads: damage.test.ts.
      if (number >= at && name !== "read") {
        disk.onOperation = undefined;
        disk.fail({ operation: name, code, times });
      }
    };
  }

  async #run(files: Files): Promise<readonly string[]> {
    const clock = new SimClock();
    const options = this.#options(files, clock);
    const opened = await openJournalSpool(options);
    // A disk that fails at the start: nothing was changed, the next life opens it.
    if (opened.kind === "unusable") return [];
    const { spool } = opened;
    let found: readonly StoredMessage[];
    let faults: readonly string[];
    try {
      found = await allRecovered(spool);
      faults = await this.#model.faults(spool, found);
    } catch (error) {
      await spool.close();
      // The disk fails, and a queue would end. Damage it does not tell is another thing.
      if (error instanceof FilesError && error.code !== DAMAGED_TEXT) return [];
      throw error;
    }
    if (faults.length > 0) return faults;
    this.#model.adopt(found);
    this.#spool = spool;
    const known = found.flatMap(({ envelopes }) =>
      envelopes.map(({ envelope, retryCount }) => ({ evpid: envelope.evpid, retryCount })),
    );
    for (let turn = 0; turn < TURNS; turn++) {
      await this.#turn(spool, known);
      if (this.#random.chance(50)) await clock.advance(this.#random.below(MAX_PASS_MS));
    }
    await spool.close();
    return [];
  }

  async #open(files: Files) {
    const opened = await openJournalSpool(this.#options(files, new SimClock()));
    if (opened.kind === "unusable") throw new Error(`Cannot open the spool: ${opened.reason}`);
    const { spool } = opened;
    const found = await allRecovered(spool);
    const faults = await this.#model.faults(spool, found);
    if (faults.length === 0) this.#model.adopt(found);
    this.#spool = spool;
    return { spool, found, faults };
  }

  #options(files: Files, clock: SimClock): JournalSpoolOptions {
    const random = this.#random;
    return {
      files,
      clock,
      random: random.fork("spool"),
      observe: () => {},
      folder: SPOOL_FOLDER,
      durability: random.pick(["dsync", "fdatasync"]),
      compression: random.pick(["off", "zstd", "gzip"]),
      keys: random.pick(KEYRINGS),
      segmentBytes: SEGMENT_BYTES + random.below(4000),
      textCacheBytes: random.pick([0, 4000]),
      reserveBytes: 0,
      checkpointRecords: random.pick([3, 10, 30]),
    };
  }

  /** Several batches at once, each about other envelopes. */
  async #turn(spool: Spool, known: Known[]): Promise<void> {
    const under: Promise<unknown>[] = [];
    for (let left = 1 + this.#random.below(MAX_AT_ONCE); left > 0; left--) {
      under.push(this.#random.chance(40) ? this.#arrive(spool, known) : this.#happen(spool, known));
    }
    await Promise.all(under);
  }

  async #arrive(spool: Spool, known: Known[]): Promise<void> {
    const random = this.#random;
    const recipients = 1 + random.below(3);
    if (random.chance(25)) {
      const large = mail(this.#nextMail++, {
        recipients,
        textBytes: 1 + random.below(MAX_LARGE_BYTES),
      });
      const isDropped = random.chance(20);
      this.#model.expectText(large.message.msgid, large.text);
      const blob = spool.openBlob(large.message.msgid);
      if ((await blob.write([large.text])) !== "durable" || isDropped) return blob.drop();
      return this.#add(spool, known, large, [acceptedAsBlob(large)]);
    }
    const small = this.#small(recipients);
    return this.#add(spool, known, small, [accepted(small)]);
  }

  #small(recipients: number): Mail {
    const textBytes = this.#random.below(MAX_SMALL_BYTES);
    const small = mail(this.#nextMail++, { recipients, textBytes });
    this.#model.expectText(small.message.msgid, small.text);
    return small;
  }

  async #add(spool: Spool, known: Known[], one: Mail, batch: SpoolEntry[]): Promise<void> {
    if ((await this.#commit(spool, batch)) !== "durable") return;
    for (const { evpid } of one.envelopes) known.push({ evpid, retryCount: 0 });
  }

  /** An attempt ends, or an operator says something. */
  async #happen(spool: Spool, known: Known[]): Promise<void> {
    const random = this.#random;
    const [picked] = known.splice(random.below(known.length + 1), 1);
    if (picked === undefined) return;
    const { evpid, retryCount } = picked;
    const what = random.pick([
      "delivered",
      "delivered",
      "deferred",
      "notice",
      "bounce",
      "held",
      "removed",
    ]);
    switch (what) {
      case "delivered":
        return this.#end(spool, known, picked, [delivered(evpid)]);
      case "removed":
        return this.#end(spool, known, picked, [removed(evpid)]);
      case "bounce":
        return this.#end(spool, known, picked, [failed(evpid), this.#report()]);
      case "held":
        await this.#commit(spool, [held(evpid, random.chance(50))]);
        break;
      case "deferred":
      case "notice": {
        const entry = deferred(evpid, retryCount + 1);
        await this.#commit(spool, what === "notice" ? [entry, this.#report()] : [entry]);
        picked.retryCount++;
      }
    }
    known.push(picked);
  }

  /** A report to the sender; it is not attempted in this life. */
  #report(): SpoolEntry {
    const report = mail(this.#nextMail++, { bounce: true, textBytes: this.#random.below(900) });
    this.#model.expectText(report.message.msgid, report.text);
    return accepted(report);
  }

  /** What could not be recorded is recorded later. */
  async #end(
    spool: Spool,
    known: Known[],
    picked: Known,
    batch: readonly SpoolEntry[],
  ): Promise<void> {
    if ((await this.#commit(spool, batch)) !== "durable") known.push(picked);
  }
}
