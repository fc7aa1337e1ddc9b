/**
 * What a file operation that failed means to the spool: no room, nothing to do, or
 * nothing that matters. Every other failure is its caller's to answer.
 */
import { type Files, FilesError } from "#base/ports/files.ts";

/** Codes that say that there is no room, now. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** Whether an operation failed because there is no room. */
export function isFull(error: unknown): boolean {
  return error instanceof FilesError && FULL.has(error.code);
}

/** Waits for an operation whose failure changes nothing. */
export async function tolerate(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
  }
}

/** Makes a folder; says whether it was missing. @throws {FilesError} */
export async function makeFolderIfMissing(files: Files, folder: string): Promise<boolean> {
  try {
    await files.makeFolder(folder, 0o700);
    return true;
  } catch (error) {
    if (error instanceof FilesError && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a file; that it is gone already is well. @throws {FilesError} */
export async function unlinkIfThere(files: Files, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
  }
}
