/**
 * The file operations that the spool and the delivery agents are built on.
 *
 * Each call does what the system call of that name does, no more: what is
 * durable is decided by `sync` and `syncFolder`, and a simulated disk forgets
 * what was not synced. Failures are thrown as FilesError; the engine that asked
 * turns them into a result.
 */

/** A file operation that failed; `code` is the system's (`ENOSPC`, `EIO`, `ENOENT`, …). */
export class FilesError extends Error {
  override readonly name = "FilesError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * - "read": an existing file, for reading; does not wait for who would write to a pipe
 * - "create": a new file for writing; fails with EEXIST if there is one
 * - "create-dsync": the same, where each write is durable when it returns (O_DSYNC)
 * - "update": an existing file, for reading and writing
 */
export type OpenMode = "read" | "create" | "create-dsync" | "update";

export interface OpenFile {
  /** Writes all of `chunks`, one after the other, at `offset` (bytes), or throws. Chunks are borrowed until then. */
  write(chunks: readonly Uint8Array[], offset: number): Promise<void>;
  /** Up to `length` bytes at `offset`; fewer only at the end of the file. The caller owns the array. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Makes the file's bytes durable (fdatasync). After a failure nothing may be assumed of them. */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** Whose it is from now on (fchown). */
  giveTo(uid: number, gid: number): Promise<void>;
  /**
   * Sets the mode bits, and makes them durable with all bytes (fchmod, fsync). On the file systems of Linux
   * the name of a file that this program has made is durable with that too.
   */
  seal(permissions: number): Promise<void>;
  /** Of the open file, whatever its name leads to by now (fstat). */
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

/** What is needed of a file to read it. */
export type ReadableFile = Pick<OpenFile, "read">;

export interface FileStat {
  readonly kind: "file" | "folder" | "symlink" | "socket" | "other";
  readonly bytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly links: number;
  readonly modifiedAtMs: number;
}

export interface FreeSpace {
  /** Bytes that an unprivileged process can still write. */
  readonly bytes: number;
  /** Files that can still be made; Infinity where the file system has no such limit. */
  readonly files: number;
}

export interface Files {
  /** `permissions` are the mode bits of a new file, 0600 if left out. Symbolic links are not followed. */
  open(path: string, mode: OpenMode, permissions?: number): Promise<OpenFile>;
  /** Names in a folder, without `.` and `..`, in no particular order. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes one folder; EEXIST if it is there. */
  makeFolder(folder: string, permissions: number): Promise<void>;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): Promise<void>;
  /** Fails with EEXIST if `to` exists. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the entries of a folder durable (fsync of the folder). */
  syncFolder(folder: string): Promise<void>;
  /** Of the path itself: symbolic links are not followed. */
  stat(path: string): Promise<FileStat>;
  /** Of what the path leads to: symbolic links are followed. */
  statTarget(path: string): Promise<FileStat>;
  freeSpace(path: string): Promise<FreeSpace>;
}
