/**
 * Makes a closed file of one that was being written: the same entries in larger blocks,
 * compressed, with an index. The old file goes when the new one is durable.
 */
import type { Random } from "#base/ports/random.ts";
import { addKeysOf } from "./keys.ts";
import { entriesIn } from "./entry-list.ts";
import {
  cipherName,
  type OpenTrace,
  orAbsent,
  Pace,
  pathOf,
  type TracePlace,
  withTraceFile,
} from "./trace-folder.ts";
import {
  type BlockFile,
  blocksOf,
  encodeBlock,
  encodeFileHeader,
  encodeTrailer,
  FILE_HEADER_BYTES,
  MARK_BYTES,
} from "./trace-format.ts";
import { IndexBuilder } from "./trace-index.ts";
import { MAX_WHOLE_BYTES } from "./trace-reader.ts";

/** Bytes of entries in a block of a closed file. */
const GROUP_BYTES: number = 256 * 1024;

export interface ClosedTrace {
  readonly number: number;
  readonly bytes: number;
  readonly lastAtMs: number;
}

interface Group {
  readonly parts: Uint8Array[];
  readonly keys: Set<number>;
  bytes: number;
}

/**
 * Undefined: there was nothing in it that can be read; then it is left alone.
 * @throws {FilesError}
 */
export async function closeTrace(
  place: TracePlace,
  number: number,
  random: Random,
): Promise<ClosedTrace | undefined> {
  const name = { number, state: "open" } as const;
  const groups = await withTraceFile(place, name, (file) => groupsOf(file, new Pace(place)));
  if (groups === undefined || typeof groups === "string") return undefined;
  const closed = await writeClosed(place, number, { groups, random });
  await place.files.unlink(pathOf(place, name));
  return closed;
}

interface Grouped {
  readonly groups: readonly Group[];
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** What is damaged is left out. */
async function groupsOf(file: OpenTrace, pace: Pace): Promise<Grouped> {
  const bytes = await file.handle.read(0, Math.min(file.bytes, MAX_WHOLE_BYTES));
  const groups: Group[] = [];
  let group: Group | undefined;
  let firstAtMs = Number.MAX_SAFE_INTEGER;
  let lastAtMs = 0;
  for (const { content } of blocksOf(file, bytes, () => undefined)) {
    for (const { entry, bytes: part } of entriesIn(content.bytes)) {
      if (group === undefined || group.bytes + part.length > GROUP_BYTES) {
        group = { parts: [], keys: new Set(), bytes: 0 };
        groups.push(group);
      }
      group.parts.push(part);
      group.bytes += part.length;
      addKeysOf(entry, group.keys);
      firstAtMs = Math.min(firstAtMs, entry.atMs);
      lastAtMs = Math.max(lastAtMs, entry.atMs);
    }
    await pace.did(content.bytes.length);
  }
  return { groups, firstAtMs: Math.min(firstAtMs, lastAtMs), lastAtMs };
}

async function writeClosed(
  place: TracePlace,
  number: number,
  { groups: grouped, random }: { readonly groups: Grouped; readonly random: Random },
): Promise<ClosedTrace> {
  const { files, keys, folder } = place;
  const mark = Buffer.alloc(MARK_BYTES);
  random.fill(mark);
  const use = keys.newUse(random);
  const cipher = use && keys.cipher(use, cipherName(number, "closed"));
  const file: BlockFile = { mark, cipher };
  const partial = pathOf(place, { number, state: "partial" });
  await orAbsent(files.unlink(partial));
  const handle = await files.open(partial, "create");
  let bytes = FILE_HEADER_BYTES;
  try {
    const { firstAtMs, lastAtMs } = grouped;
    await handle.write([encodeFileHeader({ mark, firstAtMs, lastAtMs, use })], 0);
    const index = new IndexBuilder();
    let blocks = 0;
    for (const group of grouped.groups) {
      const content = { kind: "entries", bytes: Buffer.concat(group.parts) } as const;
      const block = encodeBlock(file, content, blocks++, "zstd");
      await handle.write([block], bytes);
      index.add({ offset: bytes, bytes: block.length }, group.keys);
      bytes += block.length;
    }
    const last = encodeBlock(file, { kind: "index", bytes: index.build() }, blocks, "zstd");
    const trailer = encodeTrailer(bytes);
    await handle.write([last, trailer], bytes);
    bytes += last.length + trailer.length;
    await handle.sync();
  } finally {
    await handle.close();
  }
  await files.rename(partial, pathOf(place, { number, state: "closed" }));
  await files.syncFolder(folder);
  return { number, bytes, lastAtMs: grouped.lastAtMs };
}
