/**
 * The folder of the trace: which files there are, and how one is read.
 *
 *     NNNNNNNN.open      being written; after a crash its end may be torn
 *     NNNNNNNN.trace     closed: compressed, with an index
 *     NNNNNNNN.partial   being made of an `.open` one
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Keyring } from "#engine/spool/queue-keys.ts";
import {
  type BlockFile,
  decodeFileHeader,
  FILE_HEADER_BYTES,
  type TraceFileHeader,
} from "./trace-format.ts";

export interface TracePlace {
  readonly files: Files;
  /** Of the trace, in the spool. */
  readonly folder: string;
  /** Those of `queue encryption`. */
  readonly keys: Keyring;
  /** Lets other work have its turn. */
  pause(): Promise<void>;
}

/** Bytes of entries that are looked at in one turn: some 5 ms. */
const TURN_BYTES: number = 256 * 1024;

/** Work that is done a turn at a time. */
export class Pace {
  readonly #place: TracePlace;
  #bytes = 0;

  constructor(place: TracePlace) {
    this.#place = place;
  }

  async did(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return;
    this.#bytes = 0;
    await this.#place.pause();
  }
}

/** In the folder of the spool. */
export function traceFolder(spool: string): string {
  return `${spool}/trace`;
}

export interface TraceName {
  readonly number: number;
  readonly state: "open" | "closed" | "partial";
}

const ENDINGS = { open: "open", closed: "trace", partial: "partial" } as const;
const NAME = /^(\d{8})\.(open|trace|partial)$/u;

export function nameOf({ number, state }: TraceName): string {
  return `${String(number).padStart(8, "0")}.${ENDINGS[state]}`;
}

export function pathOf({ folder }: TracePlace, name: TraceName): string {
  return `${folder}/${nameOf(name)}`;
}

/** Oldest first; none if there is no such folder. */
export async function listTrace({ files, folder }: TracePlace): Promise<readonly TraceName[]> {
  const names = (await orAbsent(files.list(folder))) ?? [];
  const found: TraceName[] = [];
  for (const name of names) {
    const [, number = "", ending] = NAME.exec(name) ?? [];
    if (ending === undefined) continue;
    const state = ending === "trace" ? "closed" : ending === "open" ? "open" : "partial";
    found.push({ number: Number(number), state });
  }
  return found.toSorted((a, b) => a.number - b.number);
}

/** What `asked` gives; undefined if what it asks for is not there. */
export async function orAbsent<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof FilesError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A file whose header has been read. */
export interface OpenTrace extends BlockFile {
  readonly handle: OpenFile;
  readonly header: TraceFileHeader;
  readonly bytes: number;
}

/**
 * Has `use` read the file; undefined if it is gone. A string says why it cannot be read.
 * @throws {FilesError}
 */
export async function withTraceFile<Value>(
  place: TracePlace,
  name: TraceName,
  use: (file: OpenTrace) => Promise<Value>,
): Promise<Value | string | undefined> {
  const handle = await orAbsent(place.files.open(pathOf(place, name), "read"));
  if (handle === undefined) return undefined;
  try {
    const header = decodeFileHeader(await handle.read(0, FILE_HEADER_BYTES));
    if (header === undefined) return "it does not begin as one";
    const cipher = header.use && place.keys.cipher(header.use, cipherName(name.number, name.state));
    if (header.use !== undefined && cipher === undefined)
      return `its key, of the id ${header.use.keyId}, is not here`;
    const { bytes } = await handle.stat();
    return await use({ handle, header, bytes, mark: header.mark, cipher });
  } finally {
    await handle.close();
  }
}

/** What a file is called where its key is made. */
export function cipherName(number: number, state: TraceName["state"]): string {
  return `trace/${nameOf({ number, state: state === "open" ? "open" : "closed" })}`;
}
