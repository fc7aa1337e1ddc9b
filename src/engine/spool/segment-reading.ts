/**
 * Finds and opens the segments that earlier runs left, oldest first, and says of
 * each where its records end.
 */
import type { Files } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { Cipher } from "./cipher.ts";
import { MissingKeys } from "./missing-keys.ts";
import type { Keyring } from "./queue-keys.ts";
import { emptySegment, parseSegmentName, type Segment, segmentName } from "./segment.ts";
import {
  FORMAT,
  HEADER_BYTES,
  type HeaderReading,
  readHeader,
  type SegmentHeader,
} from "./segment-header.ts";
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
  /** Whether the one before it is gone, though an older one is there: the oldest are unlinked first. */
  readonly isPreviousMissing: boolean;
}

interface HeaderAndFile {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly fileBytes: number;
}

interface SegmentFile {
  readonly sequence: number;
  readonly path: string;
  readonly fileBytes: number;
  readonly reading: HeaderReading;
}

export interface SegmentFinderParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly journalFolder: string;
  readonly keys: Keyring;
  readonly headerless: Headerless;
}

/** What is missing at and before a segment, in words. */
export function missingAt({ missingBytes, isPreviousMissing }: FoundSegment): readonly string[] {
  return [
    ...(isPreviousMissing ? ["the segment before it is missing"] : []),
    ...(missingBytes > 0 ? [`${missingBytes} bytes are missing at the end`] : []),
  ];
}

/** What becomes of a segment whose header cannot be used. */
export interface Headerless {
  /** It may hold mail. */
  keep(path: string, reason: string): Promise<unknown>;
  /** It was just being made. */
  drop(path: string): Promise<unknown>;
}

export class SegmentFinder {
  readonly #files: Files;
  readonly #folder: string;
  readonly #headerless: Headerless;
  readonly #keys: Keyring;
  readonly #observe: Observe;
  #highest = 0;

  constructor({ files, journalFolder, headerless, keys, observe }: SegmentFinderParts) {
    this.#files = files;
    this.#folder = journalFolder;
    this.#headerless = headerless;
    this.#keys = keys;
    this.#observe = observe;
  }

  /** The highest sequence number in the name of a file, usable or not; 0 if there is none. */
  get highest(): number {
    return this.#highest;
  }

  /**
   * @throws {UnusableSpool} if a segment is no file, or has another format, or a key is missing; nothing was changed then.
   * @throws {FilesError}
   */
  async find(): Promise<readonly FoundSegment[]> {
    const sequences = await this.#sequences();
    const readings: SegmentFile[] = [];
    for (const sequence of sequences) readings.push(await this.#read(sequence));
    this.#refuseUnreadable(readings);
    const found: HeaderAndFile[] = [];
    for (const read of readings) {
      const usable = await this.#usable(read, read.sequence === sequences.at(-1));
      if (usable !== undefined) found.push(usable);
    }
    const ends = new Map<number, number>();
    for (const { header } of found) {
      if (header.previous !== undefined) ends.set(header.previous.sequence, header.previous.bytes);
    }
    return found.map(({ header, path, fileBytes }, at) => {
      const end = ends.get(header.sequence) ?? fileBytes;
      const before = found[at - 1]?.header.sequence;
      return {
        segment: emptySegment(path, header, Math.min(end, fileBytes), this.#cipher(header)),
        isLast: at === found.length - 1,
        missingBytes: Math.max(0, end - fileBytes),
        isPreviousMissing: before !== undefined && (header.previous?.sequence ?? 0) > before,
      };
    });
  }

  async #sequences(): Promise<readonly number[]> {
    const sequences: number[] = [];
    for (const name of await this.#files.list(this.#folder)) {
      const sequence = parseSegmentName(name);
      if (sequence === undefined) {
        this.#observe({ kind: "warning", text: `Foreign in the spool: journal/${name}` });
        continue;
      }
      const path = `${this.#folder}/${name}`;
      const { kind } = await this.#files.stat(path);
      // Such as a link to where an operator moved it. To go on would be to forget its mail.
      if (kind !== "file") throw new UnusableSpool(`${path} is no file (${kind})`);
      sequences.push(sequence);
      this.#highest = Math.max(this.#highest, sequence);
    }
    return sequences.toSorted((a, b) => a - b);
  }

  async #read(sequence: number): Promise<SegmentFile> {
    const path = `${this.#folder}/${segmentName(sequence)}`;
    const { bytes: fileBytes } = await this.#files.stat(path);
    return { sequence, path, fileBytes, reading: readHeader(await readStart(this.#files, path)) };
  }

  #refuseUnreadable(segments: readonly SegmentFile[]): void {
    const missing = new MissingKeys(this.#keys);
    for (const { path, reading } of segments) {
      if (reading.kind === "other-format") {
        const { format } = reading;
        throw new UnusableSpool(`${path} has format ${format}, this program reads up to ${FORMAT}`);
      }
      if (reading.kind === "header") missing.look(reading.header.encryption?.keyId, path);
    }
    missing.refuse();
  }

  #cipher({ sequence, encryption }: SegmentHeader): Cipher | undefined {
    return encryption && this.#keys.cipher(encryption, segmentName(sequence));
  }

  async #usable(file: SegmentFile, isLast: boolean): Promise<HeaderAndFile | undefined> {
    const { sequence, path, fileBytes, reading } = file;
    if (reading.kind === "header" && reading.header.sequence === sequence) {
      return { header: reading.header, path, fileBytes };
    }
    if (reading.kind === "header") {
      await this.#headerless.keep(path, "a segment that has another one's name");
    } else if (isLast && fileBytes <= HEADER_BYTES) {
      // A header is durable before anything behind it is: nothing here was acknowledged.
      await this.#headerless.drop(path);
    } else {
      await this.#headerless.keep(path, "a segment without a header that can be read");
    }
    return undefined;
  }
}

async function readStart(files: Files, path: string): Promise<Uint8Array> {
  const file = await files.open(path, "read");
  try {
    return (await tolerantRead(file, 0, HEADER_BYTES)).bytes;
  } finally {
    await tolerate(file.close());
  }
}
