/** Removes a file that does no harm where it cannot be removed. */
import { type Files, FilesError } from "#base/ports/files.ts";

/** Never rejects for a fault of the files. */
export async function removeQuietly(files: Files, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    // What stays in tmp/ is cleaned up after 36 hours (maildir(5)), a lock is stale in a while.
    if (!(error instanceof FilesError)) throw error;
  }
}
