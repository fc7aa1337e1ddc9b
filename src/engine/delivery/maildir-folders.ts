/**
 * The folders of a Maildir: which one a message goes to, and how they are made.
 *
 * A Maildir is made with the folders above it, each mode 0700, and their entries are
 * durable. Folders that are there already are left as they are.
 *
 * Source: maildir(5); Maildir++ (a folder is a Maildir in the Maildir, its name behind a dot);
 * OpenSMTPD's mail.maildir(8).
 */
import { type Files, FilesError } from "#base/ports/files.ts";

const FOLDER_PERMISSIONS = 0o700;
const JUNK = ".Junk";
/** OpenSMTPD's, and control characters. */
const NOT_IN_FOLDER = /[\p{Cc}!#$%&'*/?^`{|}~]/gu;

const SUBFOLDERS = ["tmp", "new", "cur"] as const;

/**
 * The Maildir, or a folder of it: `.Junk`, which is made when there is something for it,
 * or that of the sub-address, which only its owner makes. @throws {FilesError}
 */
export async function folderFor(
  files: Files,
  mailbox: { readonly path: string; readonly junk: boolean; readonly extension: string },
  isSpam: boolean,
): Promise<string> {
  const { path, junk, extension } = mailbox;
  if (junk && isSpam) return `${path}/${JUNK}`;
  // A leading dot would lead out of the Maildir, or to a folder without a name.
  if (extension === "" || extension.startsWith(".")) return path;
  const folder = `${path}/.${extension.replaceAll(NOT_IN_FOLDER, ":")}`;
  return (await isFolder(files, folder)) ? folder : path;
}

async function isFolder(files: Files, path: string): Promise<boolean> {
  try {
    return (await files.stat(path)).kind === "folder";
  } catch (error) {
    const isAbsent =
      error instanceof FilesError && ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(error.code);
    if (isAbsent) return false;
    throw error;
  }
}

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
