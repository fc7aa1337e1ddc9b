/**
 * Days of domains on disk, one file for each, so that a restart forgets no report.
 *
 * A file is replaced as a whole. It is not synced (the process that has it may not): one that a
 * power cut tears is none, and a day of a statistic is lost.
 */
import { createHash } from "node:crypto";
import type { Files } from "#base/ports/files.ts";
import { FetchedFiles } from "#engine/staples/fetched-files.ts";
import { DayFindings, type DayFacts, MAX_STORED_BYTES } from "./day-findings.ts";

const NAME = /^[0-9a-f]{64}\.tlsrpt$/u;

export class ReportStore {
  readonly #kept: FetchedFiles;

  /** @param folder undefined: nothing is kept. */
  constructor(files: Files, folder: string | undefined) {
    this.#kept = new FetchedFiles(files, folder, MAX_STORED_BYTES);
  }

  async readAll(most: number): Promise<readonly DayFindings[]> {
    const days: DayFindings[] = [];
    for (const name of (await this.#kept.names()).filter((each) => NAME.test(each))) {
      const bytes = days.length < most ? await this.#kept.read(name) : undefined;
      const day = bytes && DayFindings.read(bytes);
      if (day !== undefined && fileName(day) === name) days.push(day);
      else await this.#kept.remove(name);
    }
    return days;
  }

  /** The string says why it could not be kept. */
  write(day: DayFindings): Promise<string | undefined> {
    return this.#kept.write(fileName(day), day.stored());
  }

  remove(day: DayFacts): Promise<void> {
    return this.#kept.remove(fileName(day));
  }
}

function fileName({ reportId }: DayFacts): string {
  return `${createHash("sha256").update(reportId).digest("hex")}.tlsrpt`;
}
