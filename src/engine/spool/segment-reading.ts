/**
 * Finds and opens the segments that earlier runs left, oldest first, and says of
 * each where its records end.
 */
import type { Files } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { Quarantine } from "./quarantine.ts";
import { emptySegment, parseSegmentName, type Segment, segmentName } from "./segment.ts";
import { FORMAT, HEADER_BYTES, readHeader, type SegmentHeader } from "./segment-header.ts";
import { tolerate } from "./file-faults.ts";
import { tolerantRead } from "./tolerant-read.ts";
import { UnusableSpool } from "./unusable-spool.ts";

/** A segment that has a header, before its records are read. */
export interface FoundSegment {
  /** `bytes` is the length of the file, or less if its successor says so. */
  readonly segment: Segment;
  readonly isLast: boolean;
  /** Bytes that its successor says it had and that are gone. */
  readonly missingBytes: number;
}

interface HeaderAndFile {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly fileBytes: number;
}

export class SegmentFinder {
  readonly #files: Files;
  readonly #folder: string;
  readonly #quarantine: Quarantine;
  readonly #observe: Observe;
  #highest = 0;

  constructor(files: Files, folder: string, quarantine: Quarantine, observe: Observe) {
    this.#files = files;
    this.#folder = folder;
    this.#quarantine = quarantine;
    this.#observe = observe;
  }

  /** A sequence number that no file has had. */
  get nextSequence(): number {
    return this.#highest + 1;
  }

  /**
   * @throws {UnusableSpool} if a segment has another format.
   * @throws {FilesError}
   */
  async find(): Promise<readonly FoundSegment[]> {
    const found: HeaderAndFile[] = [];
    const sequences = await this.#sequences();
    for (const sequence of sequences) {
      const isLast = sequence === sequences.at(-1);
      const read = await this.#readHeader(sequence, isLast);
      if (read !== undefined) found.push(read);
    }
    const ends = new Map<number, number>();
    for (const { header } of found) {
      if (header.previous !== undefined) ends.set(header.previous.sequence, header.previous.bytes);
    }
    return found.map(({ header, path, fileBytes }, at) => {
      const end = ends.get(header.sequence) ?? fileBytes;
      return {
        segment: emptySegment(path, header, Math.min(end, fileBytes)),
        isLast: at === found.length - 1,
        missingBytes: Math.max(0, end - fileBytes),
      };
    });
  }

  async #sequences(): Promise<readonly number[]> {
    const sequences: number[] = [];
    for (const name of await this.#files.list(this.#folder)) {
      const sequence = parseSegmentName(name);
      const isFile = (await this.#files.stat(`${this.#folder}/${name}`)).kind === "file";
      if (sequence !== undefined && isFile) sequences.push(sequence);
      else this.#observe({ kind: "warning", text: `Foreign in the spool: journal/${name}` });
      if (sequence !== undefined) this.#highest = Math.max(this.#highest, sequence);
    }
    return sequences.toSorted((a, b) => a - b);
  }

  async #readHeader(sequence: number, isLast: boolean): Promise<HeaderAndFile | undefined> {
    const path = `${this.#folder}/${segmentName(sequence)}`;
    const { bytes: fileBytes } = await this.#files.stat(path);
    const start = await readStart(this.#files, path);
    const reading = readHeader(start);
    if (reading.kind === "other-format") {
      throw new UnusableSpool(`${path} has format ${reading.format}, this program reads ${FORMAT}`);
    }
    if (reading.kind === "header" && reading.header.sequence === sequence) {
      return { header: reading.header, path, fileBytes };
    }
    if (reading.kind === "header") {
      await this.#quarantine.move(path, "a segment that has another one's name");
    } else if (isLast && fileBytes <= HEADER_BYTES) {
      // A header is durable before anything behind it is: nothing here was acknowledged.
      await tolerate(this.#files.unlink(path));
    } else {
      await this.#quarantine.move(path, "a segment without a header that can be read");
    }
    return undefined;
  }
}

async function readStart(files: Files, path: string): Promise<Uint8Array> {
  const file = await files.open(path, "read");
  try {
    return await tolerantRead(file, 0, HEADER_BYTES);
  } finally {
    await tolerate(file.close());
  }
}
