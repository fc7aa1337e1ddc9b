/**
 * Reads what a trace has under some keys, oldest first, a block at a time: of a closed file
 * only its index and the blocks that the index names. What cannot be read is told and passed
 * over.
 */
import type { TraceEntry } from "#model/trace.ts";
import { addKeysOf } from "./keys.ts";
import { entriesIn } from "./entry-list.ts";
import {
  listTrace,
  nameOf,
  type OpenTrace,
  Pace,
  type TraceName,
  type TracePlace,
  withTraceFile,
} from "./trace-folder.ts";
import { blocksOf, decodeBlock, decodeTrailer, TRAILER_BYTES } from "./trace-format.ts";
import { type BlockPlace, lookUp } from "./trace-index.ts";

/** Largest file that is read as a whole: far more than one is let grow to. */
export const MAX_WHOLE_BYTES: number = 64 * 1024 * 1024;

export interface TraceQuery {
  readonly keys: ReadonlySet<number>;
  /** Files that end before are not looked at. */
  readonly sinceMs: number;
  /** Something cannot be read: `file` of the trace, and why. */
  damaged(file: string, why: string): void;
}

/** Entries that may be what is looked for: their keys are. In slices, which may be empty. */
export async function* readTrace(
  place: TracePlace,
  query: TraceQuery,
): AsyncGenerator<readonly TraceEntry[]> {
  const pace = new Pace(place);
  const names = await listTrace(place);
  const closed = new Set(
    names.filter(({ state }) => state === "closed").map(({ number }) => number),
  );
  for (const name of names) {
    // One that has just been closed may still be there in both forms.
    if (name.state === "closed" || (name.state === "open" && !closed.has(name.number)))
      for await (const block of blocksIn(place, name, query)) {
        yield wantedIn(block, query.keys);
        await pace.did(block.length);
      }
  }
}

async function* blocksIn(
  place: TracePlace,
  name: TraceName,
  query: TraceQuery,
): AsyncGenerator<Uint8Array> {
  let blocks: readonly Uint8Array[] | string | undefined;
  let read = name;
  blocks = await withTraceFile(place, read, (file) => blocksFor(file, read, query));
  if (blocks === undefined && name.state === "open") {
    // It may have been closed since it was listed.
    read = { ...name, state: "closed" };
    blocks = await withTraceFile(place, read, (file) => blocksFor(file, read, query));
  }
  if (typeof blocks === "string") query.damaged(nameOf(read), blocks);
  if (blocks === undefined || typeof blocks === "string") return;
  yield* blocks;
}

function wantedIn(block: Uint8Array, wanted: ReadonlySet<number>): readonly TraceEntry[] {
  const found: TraceEntry[] = [];
  const keys = new Set<number>();
  for (const { entry } of entriesIn(block)) {
    keys.clear();
    addKeysOf(entry, keys);
    for (const key of keys)
      if (wanted.has(key)) {
        found.push(entry);
        break;
      }
  }
  return found;
}

/** Blocks with entries: by the index, or all of them. */
async function blocksFor(
  file: OpenTrace,
  name: TraceName,
  query: TraceQuery,
): Promise<readonly Uint8Array[]> {
  const { lastAtMs } = file.header;
  if (lastAtMs !== 0 && lastAtMs < query.sinceMs) return [];
  const places = name.state === "closed" ? await indexed(file, query.keys) : undefined;
  if (places === undefined) return wholeFile(file, name, query);
  const blocks: Uint8Array[] = [];
  for (const place of places) {
    const content = decodeBlock(file, await piece(file, place));
    if (content?.kind === "entries") blocks.push(content.bytes);
    else query.damaged(nameOf(name), `${place.bytes} bytes at ${place.offset} are damaged`);
  }
  return blocks;
}

/** Undefined: the file has no index that can be read. */
async function indexed(
  file: OpenTrace,
  keys: ReadonlySet<number>,
): Promise<readonly BlockPlace[] | undefined> {
  const { bytes } = file;
  if (bytes < TRAILER_BYTES) return undefined;
  const trailerAt = bytes - TRAILER_BYTES;
  const offset = decodeTrailer(await file.handle.read(trailerAt, TRAILER_BYTES));
  if (offset === undefined || offset > trailerAt) return undefined;
  const content = decodeBlock(file, await piece(file, { offset, bytes: trailerAt - offset }));
  return content?.kind === "index" ? lookUp(content.bytes, keys) : undefined;
}

async function wholeFile(
  file: OpenTrace,
  name: TraceName,
  query: TraceQuery,
): Promise<readonly Uint8Array[]> {
  const bytes = await file.handle.read(0, Math.min(file.bytes, MAX_WHOLE_BYTES));
  const blocks: Uint8Array[] = [];
  const found = blocksOf(file, bytes, (offset, length) => {
    query.damaged(nameOf(name), `${length} bytes at ${offset} are damaged`);
  });
  for (const { content } of found) if (content.kind === "entries") blocks.push(content.bytes);
  return blocks;
}

async function piece({ handle, bytes }: OpenTrace, place: BlockPlace): Promise<Buffer> {
  if (place.offset + place.bytes > bytes) return Buffer.alloc(0);
  return Buffer.from(await handle.read(place.offset, place.bytes));
}
