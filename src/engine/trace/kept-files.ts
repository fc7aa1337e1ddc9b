/**
 * The closed files of a trace: taken up at the start, and removed when they are too old or
 * too many. What cannot be read is removed as any other.
 */
import { FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { closeTrace } from "./closing.ts";
import {
  listTrace,
  orAbsent,
  pathOf,
  type TraceName,
  type TracePlace,
  withTraceFile,
} from "./trace-folder.ts";

export interface Keeping {
  readonly ageMs: number;
  readonly sizeBytes: number;
}

interface KeptFile {
  readonly name: TraceName;
  readonly bytes: number;
  readonly lastAtMs: number;
}

const FOLDER_PERMISSIONS = 0o700;

export class KeptFiles {
  readonly #place: TracePlace;
  readonly #random: Random;
  /** Oldest first. */
  readonly #files: KeptFile[] = [];

  constructor(place: TracePlace, random: Random) {
    this.#place = place;
    this.#random = random;
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Takes up what earlier processes left; returns the first number that is free. @throws {FilesError} */
  async open(): Promise<number> {
    const { files, folder } = this.#place;
    try {
      await files.makeFolder(folder, FOLDER_PERMISSIONS);
    } catch (error) {
      if (!(error instanceof FilesError) || error.code !== "EEXIST") throw error;
    }
    const names = await listTrace(this.#place);
    const numbers = new Set<number>();
    for (const name of names.filter(({ state }) => state === "closed")) {
      numbers.add(name.number);
      await this.#takeUp(name);
    }
    for (const name of names) {
      if (name.state === "closed") continue;
      if (name.state === "partial" || numbers.has(name.number)) await this.#remove(name);
      else await this.close(name.number);
    }
    this.#files.sort((a, b) => a.name.number - b.name.number);
    return (names.at(-1)?.number ?? 0) + 1;
  }

  /** A file is written no more. @throws {FilesError} */
  async close(number: number): Promise<void> {
    const closed = await closeTrace(this.#place, number, this.#random);
    if (closed === undefined) await this.#takeUp({ number, state: "open" });
    else this.#files.push({ name: { number, state: "closed" }, ...closed });
  }

  /** Removes what is older than may be, or more. @throws {FilesError} */
  async prune({ ageMs, sizeBytes }: Keeping, nowMs: number): Promise<void> {
    for (;;) {
      const [oldest] = this.#files;
      if (oldest === undefined) return;
      if (oldest.lastAtMs >= nowMs - ageMs && this.bytes <= sizeBytes) return;
      await this.#remove(oldest.name);
      this.#files.shift();
    }
  }

  async #takeUp(name: TraceName): Promise<void> {
    const stat = await orAbsent(this.#place.files.stat(pathOf(this.#place, name)));
    if (stat === undefined) return;
    const header = await withTraceFile(this.#place, name, async (file) => file.header);
    const saysMs = typeof header === "object" ? header.lastAtMs : 0;
    const lastAtMs = saysMs === 0 ? stat.modifiedAtMs : saysMs;
    this.#files.push({ name, bytes: stat.bytes, lastAtMs });
  }

  async #remove(name: TraceName): Promise<void> {
    await orAbsent(this.#place.files.unlink(pathOf(this.#place, name)));
  }
}
