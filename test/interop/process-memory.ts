/** The memory of a running process, as root may read it: proc(5), /proc/PID/maps and /proc/PID/mem. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";

const CHUNK_BYTES: number = 4 * 1024 * 1024;

/**
 * Whether `word`, of ASCII, is anywhere in what the process can write to: its heap, stacks and
 * buffers. One that has ended meanwhile, as prlimit(1) of a child does, holds nothing.
 */
export function holds(pid: number, word: string): boolean {
  if (!existsSync(`/proc/${pid}/mem`)) return false;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    return writableParts(pid).some((part) => partHolds(memory, part, word));
  } finally {
    closeSync(memory);
  }
}

interface Part {
  readonly from: number;
  readonly to: number;
}

function writableParts(pid: number): readonly Part[] {
  const lines = readFileSync(`/proc/${pid}/maps`, "latin1").split("\n");
  return lines.flatMap((line) => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/u.exec(line) ?? [];
    return from === undefined || to === undefined
      ? []
      : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
  });
}

function partHolds(memory: number, { from, to }: Part, word: string): boolean {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  // Chunks overlap, as a word may lie across their border.
  for (let at = from; at < to; at += CHUNK_BYTES - word.length) {
    const bytes = buffer.subarray(0, readAt(memory, buffer.subarray(0, to - at), at));
    if (bytes.includes(word, 0, "latin1") || bytes.includes(word, 0, "utf16le")) return true;
  }
  return false;
}

/** What is unmapped meanwhile holds nothing. */
function readAt(memory: number, into: Uint8Array, at: number): number {
  try {
    return readSync(memory, into, 0, into.length, at);
  } catch {
    return 0;
  }
}
