/**
 * Makes the file of a `db:` table from its text: what makemap(8) and newaliases(8) share.
 *
 * OpenSMTPD holds a lock on the text meanwhile (flock(2)), which Node cannot; the text is
 * read in one go, and an editor that renames its new file into place never shows half of it.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { printable } from "#engine/observe/visible-text.ts";
import { type FileOwner, writeTable } from "#world/node/sqlite-table-writer.ts";
import { STANDARD_INPUT } from "./makemap-arguments.ts";
import { mapEntries, type MapType } from "./map-entries.ts";
import { filesFault } from "./text-files.ts";

export interface MapOrder {
  /** A path, or STANDARD_INPUT. */
  readonly source: string;
  readonly out: string;
  readonly type: MapType;
}

export type MapOutcome =
  | { readonly kind: "made"; readonly count: number }
  /** Nothing was written. Each is one line, fit for a terminal. */
  | { readonly kind: "failed"; readonly complaints: readonly string[] };

/** A table of some millions of entries. */
const MAX_TEXT_BYTES: number = 256 * 1024 * 1024;
const READ_BYTES: number = 64 * 1024;
const STANDARD_INPUT_FD = 0;

export function makeMap({ source, out, type }: MapOrder): MapOutcome {
  const shown = source === STANDARD_INPUT ? "<stdin>" : source;
  try {
    const { text, owner } = readSource(source);
    const made = mapEntries(text, type);
    if (made.kind === "faults")
      return failed(made.faults.map(({ line, message }) => `${shown}:${line}: ${message}`));
    writeTable(out, made.entries, owner);
    return { kind: "made", count: made.entries.length };
  } catch (error) {
    return failed([reasonOf(error, shown)]);
  }
}

/** What the system says of a file, in words; ours name the file already. */
function reasonOf(error: unknown, shown: string): string {
  if (!(error instanceof Error)) return String(error);
  return "errno" in error ? `cannot read ${shown}: ${filesFault(error).message}` : error.message;
}

function failed(complaints: readonly string[]): MapOutcome {
  return { kind: "failed", complaints: complaints.map((line) => printable(line)) };
}

/** @throws if it cannot be read. */
function readSource(source: string): { readonly text: string; readonly owner?: FileOwner } {
  const isInput = source === STANDARD_INPUT;
  const fd = isInput ? STANDARD_INPUT_FD : openSync(source, "r");
  try {
    const stat = fstatSync(fd);
    const text = decode(readAll(fd, source), source);
    const { uid, gid, mode } = stat;
    // A pipe belongs to nobody who would matter.
    return isInput || !stat.isFile() ? { text } : { text, owner: { uid, gid, mode } };
  } finally {
    if (!isInput) closeSync(fd);
  }
}

/** A pipe does not say beforehand how much is in it. @throws if it is too much. */
function readAll(fd: number, source: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  const piece = Buffer.allocUnsafe(READ_BYTES);
  for (let bytes = 0; ; ) {
    const length = readSync(fd, piece);
    if (length === 0) return Buffer.concat(pieces);
    bytes += length;
    if (bytes > MAX_TEXT_BYTES)
      throw new Error(`${source}: it has more than ${MAX_TEXT_BYTES} bytes`);
    pieces.push(Buffer.from(piece.subarray(0, length)));
  }
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${source}: it is not UTF-8`, { cause });
  }
}
