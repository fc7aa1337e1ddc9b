/**
 * Whether files can be made in a folder, asked before mail is taken: a spool that can be
 * read but not written would refuse every message for as long as nobody looks. A full
 * one is another matter: what is delivered from it makes room.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import { isFull, tolerate } from "./file-faults.ts";

const PROBE_NAME = ".probe";

/** @throws {FilesError} if not. Leaves nothing behind, also of a run that died on the way. */
export async function checkWritable(files: Files, folder: string): Promise<void> {
  const path = `${folder}/${PROBE_NAME}`;
  try {
    const file = await files.open(path, "create");
    await tolerate(file.close());
  } catch (error) {
    if (isFull(error)) return;
    if (!(error instanceof FilesError) || error.code !== "EEXIST") throw error;
  }
  await files.unlink(path);
}
