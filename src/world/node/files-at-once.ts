/**
 * Files whose calls are done when they return, as the event loop waits for them: a call then
 * costs a fraction of what it costs to hand it to another thread and to come back, most of all
 * in a process that has just started (bench/RESULTS.md, "Mailboxes").
 *
 * `filesAtOnce` waits for all, syncs included: for a process that has one thing to do. There
 * nobody else is held up. `filesTogether` waits for what no disk is needed for: for several
 * deliveries that share their syncs. There a call in a thread also stands in line behind the
 * syncs of all others. What may go through many names (`list`) and `freeSpace` are those of `files.ts`.
 */
import fs, { constants } from "node:fs";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import {
  type Close,
  describe,
  fault,
  FOLDER_FLAGS,
  MAX_PIECES,
  nodeFiles,
  OPEN_FLAGS,
  openFile as openPooled,
  openInPool,
  syncDescriptor,
  withoutFirst,
} from "./files.ts";

/** The machine's files; what changes a folder, or waits for a disk, is done by other threads. */
export function filesTogether(): Files {
  return {
    ...nodeFiles(),
    async open(path, mode, permissions = 0o600) {
      const flags = OPEN_FLAGS[mode] | constants.O_NOFOLLOW;
      const makes = (flags & constants.O_CREAT) !== 0;
      const fd = makes
        ? await openInPool(path, flags, permissions)
        : await done(() => fs.openSync(path, flags));
      return openPooled(fd, closeAtOnce);
    },
    stat: (path) => done(() => describe(fs.lstatSync(path))),
    statTarget: (path) => done(() => describe(fs.statSync(path))),
    async syncFolder(folder) {
      const fd = await done(() => fs.openSync(folder, FOLDER_FLAGS));
      try {
        await syncDescriptor(fd);
      } finally {
        await closeAtOnce(fd);
      }
    },
  };
}

const closeAtOnce: Close = (fd) => done(() => fs.closeSync(fd));

/** The machine's files; all is done when a call returns. */
export function filesAtOnce(): Files {
  return {
    ...nodeFiles(),
    open: (path, mode, permissions = 0o600) =>
      done(() => openFile(fs.openSync(path, OPEN_FLAGS[mode] | constants.O_NOFOLLOW, permissions))),
    makeFolder: (folder, permissions) => done(() => fs.mkdirSync(folder, permissions)),
    rename: (from, to) => done(() => fs.renameSync(from, to)),
    link: (from, to) => done(() => fs.linkSync(from, to)),
    unlink: (path) => done(() => fs.unlinkSync(path)),
    syncFolder: (folder) => done(() => syncFolder(folder)),
    stat: (path) => done(() => describe(fs.lstatSync(path))),
    statTarget: (path) => done(() => describe(fs.statSync(path))),
  };
}

function openFile(fd: number): OpenFile {
  let state: "open" | "closed" = "open";
  // The number of a closed descriptor may be another file's by now.
  const use = <Value>(operation: () => Value): Promise<Value> =>
    done(() => {
      if (state === "closed") throw new FilesError("EBADF", "Cannot use a file: it is closed");
      return operation();
    });
  return {
    write: (chunks, offset) => use(() => writeAll(fd, chunks, offset)),
    read: (offset, length) => use(() => readAll(fd, offset, length)),
    sync: () => use(() => fs.fdatasyncSync(fd)),
    truncate: (bytes) => use(() => fs.ftruncateSync(fd, bytes)),
    giveTo: (uid, gid) => use(() => fs.fchownSync(fd, uid, gid)),
    seal: (permissions) =>
      use(() => {
        fs.fchmodSync(fd, permissions);
        fs.fsyncSync(fd);
      }),
    stat: () => use(() => describe(fs.fstatSync(fd))),
    close: () =>
      use(() => {
        state = "closed";
        fs.closeSync(fd);
      }),
  };
}

function writeAll(fd: number, chunks: readonly Uint8Array[], offset: number): void {
  let at = offset;
  for (let left = withoutFirst(chunks, 0); left.length > 0; ) {
    const written = fs.writevSync(fd, left.slice(0, MAX_PIECES), at);
    if (written === 0) throw new FilesError("EIO", "Cannot write: nothing was taken");
    at += written;
    left = withoutFirst(left, written);
  }
}

function readAll(fd: number, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const count = fs.readSync(fd, target, filled, length - filled, offset + filled);
    if (count === 0) return target.subarray(0, filled);
    filled += count;
  }
  return target;
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, FOLDER_FLAGS);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** What it throws is a FilesError, as the port wants it. */
async function done<Value>(operation: () => Value): Promise<Value> {
  try {
    return operation();
  } catch (error) {
    throw error instanceof FilesError ? error : fault(error as NodeJS.ErrnoException);
  }
}
