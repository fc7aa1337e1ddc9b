/**
 * The files that a configuration is read from: its own, those that it includes, those of
 * tables and of aliases.
 *
 * Promises an answer at once, whatever is at the path, as the parent reads at a reload
 * what may lie in somebody's home: a pipe, a device and a text beyond the bound are
 * faults. Of what a user can put at a path that aliases include, root reads nothing that
 * is not that user's to read (path-decider.ts). A main file may be a descriptor that the caller handed over (`-f /dev/stdin`),
 * and is then read to its end.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { getSystemErrorMessage } from "node:util";
import type { ConfigSource, FilesFault } from "#model/config/config-source.ts";
import { mayLeadTo } from "./path-decider.ts";

/** A table of some millions of entries. */
export const MAX_TEXT_BYTES: number = 256 * 1024 * 1024;
const READ_BYTES: number = 64 * 1024;

/** Without waiting for who writes into a pipe, and without a terminal that could hang up. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

const NOT_THEIRS = "it is another user's than the path to it, and not for all to read";

const HANDED_OVER = /^\/dev\/(?:stdin|fd\/[0-9]+)$/u;

/** @param file the main one. */
export function configSource(file: string): Required<ConfigSource> {
  return {
    file,
    read: (path) =>
      answer(() => readText(path, path === file && HANDED_OVER.test(path) ? "handed-over" : "own")),
    readIncluded: (path) => answer(() => readText(path, "included")),
    readHead: (path, maxBytes) => answer(() => readHead(path, maxBytes)),
  };
}

/** The whole text at `path`; nothing is waited for. */
export function readTextFile(path: string): string | FilesFault {
  return answer(() => readText(path, "own"));
}

/** Why a file cannot be looked at or read. */
export function filesFault(error: unknown): FilesFault {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  // In the system's words: who reads it knows the path, and asked for no call by name.
  const words = errno === undefined ? message : getSystemErrorMessage(errno);
  return { kind: "files-fault", code: code ?? "EIO", message: words };
}

function answer<Value>(read: () => Value | FilesFault): Value | FilesFault {
  try {
    return read();
  } catch (error) {
    return filesFault(error);
  }
}

/** "included": by aliases, of which a user may have the file. */
type Role = "own" | "included" | "handed-over";

function readText(path: string, role: Role): string | FilesFault {
  const fd = openSync(path, role === "handed-over" ? "r" : AT_ONCE);
  try {
    const stat = fstatSync(fd);
    const fault = role === "handed-over" ? undefined : kindFault(stat);
    if (fault !== undefined) return fault;
    // Who is not root cannot be made to read what is not his to read.
    if (role === "included" && process.getuid?.() === 0 && !mayLeadTo(path, stat))
      return { kind: "files-fault", code: "EACCES", message: NOT_THEIRS };
    return decode(readPieces(fd, stat.size));
  } finally {
    closeSync(fd);
  }
}

function readHead(path: string, maxBytes: number): Uint8Array | FilesFault {
  const fd = openSync(path, AT_ONCE);
  try {
    const head = Buffer.alloc(maxBytes);
    return kindFault(fstatSync(fd)) ?? head.subarray(0, readSync(fd, head, 0, maxBytes, 0));
  } finally {
    closeSync(fd);
  }
}

function kindFault(stat: Stats): FilesFault | undefined {
  if (stat.isFile()) return undefined;
  if (stat.isDirectory()) {
    return { kind: "files-fault", code: "EISDIR", message: "illegal operation on a directory" };
  }
  return { kind: "files-fault", code: "EINVAL", message: "it is not a file" };
}

/** Undefined if there are too many bytes; files under /proc do not say beforehand. */
function readPieces(fd: number, size: number): readonly Uint8Array[] | undefined {
  if (size > MAX_TEXT_BYTES) return undefined;
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; bytes <= MAX_TEXT_BYTES; ) {
    const piece = Buffer.allocUnsafe(Math.max(READ_BYTES, size - bytes));
    const length = readSync(fd, piece);
    if (length === 0) return pieces;
    pieces.push(piece.subarray(0, length));
    bytes += length;
  }
  return undefined;
}

function decode(pieces: readonly Uint8Array[] | undefined): string | FilesFault {
  if (pieces !== undefined) return Buffer.concat(pieces).toString("utf8");
  const message = `it has more than ${MAX_TEXT_BYTES} bytes`;
  return { kind: "files-fault", code: "EFBIG", message };
}
