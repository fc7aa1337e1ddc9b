/**
 * Files through the callbacks of node:fs.
 *
 * Paths are opened without following a symbolic link at their end. The write
 * path is hot: callbacks wrapped by hand, one system call for a whole batch; a
 * short write is continued where it stopped. Folder syncs open the folder, sync
 * it and close it. Under Node's permission model every sync is refused.
 */
import fs, { constants } from "node:fs";
import {
  type Files,
  FilesError,
  type FileStat,
  type OpenFile,
  type OpenMode,
} from "#base/ports/files.ts";

/** The kernel takes no more pieces in one call (IOV_MAX, writev(2)). */
export const MAX_PIECES = 1024;

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

export const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY | constants.O_NONBLOCK,
  create: NEW_FILE,
  "create-dsync": NEW_FILE | constants.O_DSYNC,
  update: constants.O_RDWR,
};

export const FOLDER_FLAGS: number = constants.O_RDONLY | constants.O_DIRECTORY;

/** How a descriptor is closed: in another thread, or at once. */
export type Close = (fd: number) => Promise<void>;

/** The machine's files. */
export function nodeFiles(): Files {
  return {
    open: (path, mode, permissions = 0o600) =>
      call<number, OpenFile>(
        (done) => fs.open(path, OPEN_FLAGS[mode] | constants.O_NOFOLLOW, permissions, done),
        (fd) => openFile(fd, closeInPool),
      ),
    list: (folder) => call<string[], string[]>((done) => fs.readdir(folder, done), same),
    makeFolder: (folder, permissions) => run((done) => fs.mkdir(folder, permissions, done)),
    rename: (from, to) => run((done) => fs.rename(from, to, done)),
    link: (from, to) => run((done) => fs.link(from, to, done)),
    unlink: (path) => run((done) => fs.unlink(path, done)),
    syncFolder,
    stat: (path) => call((done) => fs.lstat(path, done), describe),
    statTarget: (path) => call((done) => fs.stat(path, done), describe),
    freeSpace: (path) =>
      call(
        (done) => fs.statfs(path, done),
        ({ bavail, bsize, files, ffree }: fs.StatsFs) => ({
          bytes: bavail * bsize,
          files: files === 0 ? Infinity : ffree,
        }),
      ),
  };
}

const closeInPool: Close = (fd) => run((done) => fs.close(fd, done));

/** An open descriptor, which is used by other threads. */
export function openFile(fd: number, close: Close): OpenFile {
  let state: "open" | "closed" = "open";
  // The number of a closed descriptor may be another file's by now.
  const use = async <Value>(operation: () => Promise<Value>): Promise<Value> => {
    if (state === "closed") throw new FilesError("EBADF", "Cannot use a file: it is closed");
    return operation();
  };
  return {
    write: (chunks, offset) => use(() => writeAll(fd, chunks, offset)),
    read: (offset, length) => use(() => readAll(fd, offset, length)),
    sync: () => use(() => run((done) => fs.fdatasync(fd, done))),
    truncate: (bytes) => use(() => run((done) => fs.ftruncate(fd, bytes, done))),
    giveTo: (uid, gid) => use(() => run((done) => fs.fchown(fd, uid, gid, done))),
    seal: (permissions) =>
      use(async () => {
        await run((done) => fs.fchmod(fd, permissions, done));
        await run((done) => fs.fsync(fd, done));
      }),
    stat: () => use(() => call((done) => fs.fstat(fd, done), describe)),
    close: () =>
      use(() => {
        state = "closed";
        return close(fd);
      }),
  };
}

function writeAll(fd: number, chunks: readonly Uint8Array[], offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = withoutFirst(chunks, 0); // no empty piece in front: a call that takes nothing is a fault
    let at = offset;
    const next = (): void => {
      if (left.length === 0) return resolve();
      const batch = left.length > MAX_PIECES ? left.slice(0, MAX_PIECES) : left;
      fs.writev(fd, batch, at, (error, written) => {
        if (error !== null) return reject(fault(error));
        if (written === 0) return reject(new FilesError("EIO", "Cannot write: nothing was taken"));
        at += written;
        left = withoutFirst(left, written);
        next();
      });
    };
    next();
  });
}

/** What is left of `chunks` after the first `bytes` of them; it begins with no empty piece. */
export function withoutFirst(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skipped = 0;
  for (const [at, chunk] of chunks.entries()) {
    if (skipped + chunk.length > bytes) {
      return [chunk.subarray(bytes - skipped), ...chunks.slice(at + 1)];
    }
    skipped += chunk.length;
  }
  return [];
}

function readAll(fd: number, offset: number, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const target = new Uint8Array(length);
    let filled = 0;
    const next = (): void => {
      if (filled === length) return resolve(target);
      fs.read(fd, target, filled, length - filled, offset + filled, (error, count) => {
        if (error !== null) return reject(fault(error));
        if (count === 0) return resolve(target.subarray(0, filled));
        filled += count;
        next();
      });
    };
    next();
  });
}

export function syncDescriptor(fd: number): Promise<void> {
  return run((done) => fs.fsync(fd, done));
}

async function syncFolder(folder: string): Promise<void> {
  const fd = await call<number, number>((done) => fs.open(folder, FOLDER_FLAGS, done), same);
  try {
    await syncDescriptor(fd);
  } finally {
    await closeInPool(fd);
  }
}

export function describe(stat: fs.Stats): FileStat {
  return {
    kind: kindOf(stat),
    bytes: stat.size,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    links: stat.nlink,
    modifiedAtMs: stat.mtimeMs,
  };
}

function kindOf(stat: fs.Stats): FileStat["kind"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "folder";
  if (stat.isSymbolicLink()) return "symlink";
  return stat.isSocket() ? "socket" : "other";
}

type Done<Value> = (error: NodeJS.ErrnoException | null, value: Value) => void;

/** A new descriptor, opened by another thread. */
export function openInPool(path: string, flags: number, permissions: number): Promise<number> {
  return call<number, number>((done) => fs.open(path, flags, permissions, done), same);
}

/** A callback operation as a promise for what `give` makes of its result. */
function call<Value, Given>(
  start: (done: Done<Value>) => void,
  give: (value: Value) => Given,
): Promise<Given> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error !== null) reject(fault(error));
      else resolve(give(value));
    });
  });
}

/** A callback operation without a result. */
function run(start: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error !== null && error !== undefined) reject(fault(error));
      else resolve();
    });
  });
}

function same<Value>(value: Value): Value {
  return value;
}

export function fault(cause: NodeJS.ErrnoException): FilesError {
  return new FilesError(cause.code ?? "EIO", cause.message, { cause });
}
