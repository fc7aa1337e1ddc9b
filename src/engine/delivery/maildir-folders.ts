/**
 * Makes a Maildir and the folders above it, each mode 0700, and makes their entries
 * durable. Folders that are there already are left as they are.
 */
import { type Files, FilesError } from "#base/ports/files.ts";

const FOLDER_PERMISSIONS = 0o700;
const SUBFOLDERS = ["tmp", "new", "cur"] as const;

/** @throws {FilesError} if one of the folders is not there afterwards. */
export async function makeMaildir(files: Files, path: string): Promise<void> {
  await makeFolder(files, path);
  for (const name of SUBFOLDERS) await makeOne(files, `${path}/${name}`);
  await files.syncFolder(path);
}

/** The folder and, where one is missing, the one above it first: as deep as the path is long. */
async function makeFolder(files: Files, path: string): Promise<void> {
  const parent = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  try {
    if ((await makeOne(files, path)) === "there") return;
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "ENOENT" || parent === path) throw error;
    await makeFolder(files, parent);
    await makeOne(files, path);
  }
  await files.syncFolder(parent);
}

async function makeOne(files: Files, path: string): Promise<"made" | "there"> {
  try {
    await files.makeFolder(path, FOLDER_PERMISSIONS);
    return "made";
  } catch (error) {
    if (error instanceof FilesError && error.code === "EEXIST") return "there";
    throw error;
  }
}
