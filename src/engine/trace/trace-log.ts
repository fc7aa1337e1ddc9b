/**
 * Writes the trace of a queue: takes its events, and returns at once.
 *
 * Entries gather for FLUSH_MS, or until they make a block, and leave in one write. Nothing
 * waits for them, least of all a 250: `kill -9` loses the last second of the trace, a power
 * cut what the system had not written yet; never mail. What cannot be written is counted and
 * said (in the log, and in the trace as "missing"), and the trace goes on in a new file.
 *
 * Bounds: MAX_WAITING_BYTES in memory; on the disk what `trace age` and `trace size` say.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import type { Clock } from "#base/ports/clock.ts";
import { FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { stampMs } from "#base/time/stamp.ts";
import type { Event, Observe } from "#model/events.ts";
import type { TraceEntry } from "#model/trace.ts";
import { entriesOf } from "./entries-of.ts";
import { writeEntry } from "./entry-list.ts";
import { KeptFiles } from "./kept-files.ts";
import { masked } from "./mask.ts";
import { cipherName, pathOf, type TracePlace } from "./trace-folder.ts";
import {
  type BlockFile,
  encodeBlock,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  MARK_BYTES,
} from "./trace-format.ts";

/** How long an entry waits for others. */
const FLUSH_MS = 1000;
/** A block is written as soon as it is as large. */
const BLOCK_BYTES: number = 256 * 1024;
/** Entries that wait for the disk. */
const MAX_WAITING_BYTES: number = 4 * 1024 * 1024;
/** A file that has grown to this is closed. */
const FILE_BYTES: number = 4 * 1024 * 1024;
/** So is one that is older than this part of `trace age`: what is too old is there for so much longer. */
const PARTS_OF_AGE = 8;
/** How often what is too old is looked for. */
const TIDY_MS = 3_600_000;
/** Nothing is written for so long after a write that failed. */
const PAUSE_MS = 60_000;

export interface TraceSettings {
  readonly traceRecipients: "whole" | "masked" | "off";
  readonly traceAgeMs: number;
  readonly traceBytes: number;
}

export interface TracePorts extends TracePlace {
  readonly clock: Clock;
  readonly random: Random;
  /** For what goes wrong. */
  readonly observe: Observe;
}

interface WrittenFile extends BlockFile {
  readonly number: number;
  readonly handle: OpenFile;
  readonly begunAtMs: number;
  bytes: number;
  blocks: number;
}

export class TraceLog {
  readonly #ports: TracePorts;
  readonly #kept: KeptFiles;
  #settings: TraceSettings;
  #waiting = new ByteWriter(BLOCK_BYTES);
  #spare = new ByteWriter(BLOCK_BYTES);
  #waitingEntries = 0;
  #missing = 0;
  #nextNumber = 1;
  #file: WrittenFile | undefined;
  #working: Promise<void> | undefined;
  #cancelFlush: (() => void) | undefined;
  #cancelTidy: (() => void) | undefined;
  /** Monotonic; nothing is written before. */
  #pausedUntilMs = 0;
  #tidiedAtMs = Number.NEGATIVE_INFINITY;
  #state: "unopened" | "open" | "stopped" = "unopened";

  constructor(ports: TracePorts, settings: TraceSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#kept = new KeptFiles(ports, ports.random);
  }

  /** Bound: may be handed out as it is. Events before `open` wait. */
  readonly observe: Observe = (event: Event): void => {
    const { traceRecipients } = this.#settings;
    if (traceRecipients === "off" || this.#state === "stopped") return;
    const entries = entriesOf(event, this.#nowMs());
    for (const entry of entries) this.#add(traceRecipients === "masked" ? masked(entry) : entry);
  };

  /** Takes up what is there. What fails is said; then nothing is traced for a while. */
  async open(): Promise<void> {
    await this.#guarded(async () => {
      this.#nextNumber = await this.#kept.open();
    });
    this.#state = "open";
    this.#start();
    this.#armTidy();
  }

  takeUp(settings: TraceSettings): void {
    this.#settings = settings;
    this.#tidiedAtMs = Number.NEGATIVE_INFINITY;
    this.#start();
  }

  /** Resolves when what came before is in a file, or lost. */
  async flushed(): Promise<void> {
    this.#start();
    await this.#working;
  }

  async stop(): Promise<void> {
    await this.flushed();
    this.#state = "stopped";
    this.#cancelFlush?.();
    this.#cancelTidy?.();
    await this.#guarded(() => this.#endFile("kept"));
  }

  #add(entry: TraceEntry): void {
    if (this.#waiting.length > MAX_WAITING_BYTES) {
      this.#missing++;
      return;
    }
    writeEntry(this.#waiting, entry);
    this.#waitingEntries++;
    if (this.#waiting.length > BLOCK_BYTES) this.#start();
    else this.#armFlush();
  }

  #armFlush(): void {
    this.#cancelFlush ??= this.#ports.clock.after(FLUSH_MS, () => {
      this.#cancelFlush = undefined;
      this.#start();
    });
  }

  /** What is too old goes, also while nothing happens. */
  #armTidy(): void {
    this.#cancelTidy = this.#ports.clock.after(TIDY_MS, () => {
      this.#start();
      this.#armTidy();
    });
  }

  #start(): void {
    if (this.#state === "open") this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    do {
      await this.#guarded(async () => {
        await this.#flush();
        await this.#tidy();
      });
    } while (this.#waiting.length > BLOCK_BYTES && !this.#isPaused());
    this.#working = undefined;
  }

  async #flush(): Promise<void> {
    if (this.#isPaused()) return;
    const entries = this.#missing;
    this.#missing = 0;
    if (entries > 0) this.#add({ kind: "missing", atMs: this.#nowMs(), entries });
    if (this.#waitingEntries === 0) return;
    const block = this.#waiting;
    const written = this.#waitingEntries;
    this.#waiting = this.#spare;
    this.#waiting.clear();
    this.#waitingEntries = 0;
    this.#spare = block;
    // Until they are written.
    this.#missing += written;
    this.#file ??= await this.#newFile();
    await this.#write(this.#file, block.written());
    this.#missing -= written;
  }

  async #write(file: WrittenFile, bytes: Uint8Array): Promise<void> {
    const block = encodeBlock(file, { kind: "entries", bytes }, file.blocks++, "off");
    await file.handle.write([block], file.bytes);
    file.bytes += block.length;
  }

  async #newFile(): Promise<WrittenFile> {
    const { files, keys, random } = this.#ports;
    const number = this.#nextNumber++;
    const handle = await files.open(pathOf(this.#ports, { number, state: "open" }), "create");
    const mark = Buffer.alloc(MARK_BYTES);
    random.fill(mark);
    const use = keys.newUse(random);
    const cipher = use && keys.cipher(use, cipherName(number, "open"));
    await handle.write([encodeFileHeader({ mark, firstAtMs: 0, lastAtMs: 0, use })], 0);
    const begunAtMs = this.#ports.clock.monotonicMs();
    return { number, handle, mark, cipher, begunAtMs, bytes: FILE_HEADER_BYTES, blocks: 0 };
  }

  /** Closes a file that has become large or old, and removes those that are not kept any longer. */
  async #tidy(): Promise<void> {
    const { traceRecipients, traceAgeMs, traceBytes } = this.#settings;
    const nowMs = this.#ports.clock.monotonicMs();
    const isOff = traceRecipients === "off";
    const file = this.#file;
    const isDone =
      file !== undefined &&
      (isOff || file.bytes >= FILE_BYTES || nowMs - file.begunAtMs > traceAgeMs / PARTS_OF_AGE);
    if (isDone) await this.#endFile("closed");
    if (!isDone && nowMs - this.#tidiedAtMs < TIDY_MS) return;
    this.#tidiedAtMs = nowMs;
    const sizeBytes = isOff ? 0 : traceBytes - FILE_BYTES;
    await this.#kept.prune({ ageMs: isOff ? 0 : traceAgeMs, sizeBytes }, this.#nowMs());
  }

  async #endFile(how: "closed" | "kept"): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    await file.handle.close();
    if (how === "closed") await this.#kept.close(file.number);
  }

  /** Failures cost a part of the trace, and a while of it. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      this.#pausedUntilMs = this.#ports.clock.monotonicMs() + PAUSE_MS;
      const { observe } = this.#ports;
      observe({ kind: "warning", text: `The trace cannot be written: ${error.message}` });
      const broken = this.#file;
      this.#file = undefined;
      await broken?.handle.close().catch(() => undefined);
    }
  }

  #isPaused(): boolean {
    return this.#ports.clock.monotonicMs() < this.#pausedUntilMs;
  }

  #nowMs(): number {
    return stampMs(this.#ports.clock.wallMs());
  }
}
