/**
 * Room on the simulated disk: bytes, files, and open files.
 *
 * A file that has neither a name nor a user left gives its room back at once,
 * also while its unlinking is not durable yet.
 */
import { FilesError, type FreeSpace } from "#base/ports/files.ts";
import type { FileNode } from "./disk-tree.ts";
import type { Change } from "./file-content.ts";
import type { SimRandom } from "./random.ts";

export interface DiskSpaceSettings {
  readonly capacityBytes?: number;
  readonly capacityFiles?: number;
  readonly maxOpenFiles?: number;
}

export class DiskSpace {
  readonly #capacityBytes: number;
  readonly #capacityFiles: number;
  readonly #maxOpenFiles: number;
  #usedBytes = 0;
  #usedFiles = 0;
  #openFiles = 0;

  constructor(settings: DiskSpaceSettings) {
    this.#capacityBytes = settings.capacityBytes ?? Infinity;
    this.#capacityFiles = settings.capacityFiles ?? Infinity;
    this.#maxOpenFiles = settings.maxOpenFiles ?? Infinity;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get openFiles(): number {
    return this.#openFiles;
  }

  free(): FreeSpace {
    return {
      bytes: Math.max(0, this.#capacityBytes - this.#usedBytes),
      files: Math.max(0, this.#capacityFiles - this.#usedFiles),
    };
  }

  /** Counts a file that was there already. */
  count(node: FileNode): void {
    this.#usedFiles++;
    this.#usedBytes += node.content.length;
  }

  checkRoomForFile(path: string): void {
    if (this.#usedFiles >= this.#capacityFiles) throw full(path);
  }

  checkOpen(path: string): void {
    if (this.#openFiles < this.#maxOpenFiles) return;
    throw new FilesError("EMFILE", `Cannot open ${path}: too many open files`);
  }

  opened(node: FileNode): void {
    node.opens++;
    this.#openFiles++;
  }

  closed(node: FileNode): void {
    node.opens--;
    this.#openFiles--;
    this.release(node);
  }

  /** Takes back the room of a file that nobody can reach any more. */
  release(node: FileNode): void {
    if (node.links > 0 || node.opens > 0) return;
    this.#usedBytes -= node.content.length;
    this.#usedFiles--;
  }

  /**
   * Changes a file, if there is room. Otherwise, and when `faultCode` is given,
   * throws after a part of the bytes that fit may have been written.
   */
  write(node: FileNode, change: Change, failing: Failing): void {
    const { content } = node;
    const before = content.length;
    const after =
      change.kind === "truncate"
        ? change.length
        : Math.max(before, change.offset + change.bytes.length);
    const room = this.#capacityBytes - this.#usedBytes;
    if (failing.faultCode === undefined && after - before <= room) {
      content.apply(change);
      this.#usedBytes += after - before;
      return;
    }
    if (change.kind === "write") {
      const fits = Math.max(0, Math.min(change.bytes.length, before + room - change.offset));
      content.apply({ ...change, bytes: change.bytes.subarray(0, failing.random.below(fits + 1)) });
      this.#usedBytes += content.length - before;
    }
    if (failing.faultCode === undefined) throw full(failing.path);
    const { faultCode, path } = failing;
    throw new FilesError(faultCode, `Cannot write ${path}: ${faultCode}, as scripted`);
  }
}

/** How a write fails, if it does. */
export interface Failing {
  readonly path: string;
  readonly faultCode: string | undefined;
  readonly random: SimRandom;
}

function full(path: string): FilesError {
  return new FilesError("ENOSPC", `Cannot write ${path}: the disk is full`);
}
