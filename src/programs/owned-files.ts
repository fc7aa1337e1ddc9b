/**
 * Files that belong to somebody else from their making: what root does to a spool has to stay
 * the queue's, whose process is not root.
 *
 * Limits: a folder of that owner may lead elsewhere by the time that something is made in it.
 * Whoever took the queue over and still runs when root changes the spool of a daemon that
 * does not, can have files made where root can make them.
 */
import { lchownSync } from "node:fs";
import { type Files, FilesError } from "#base/ports/files.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export function ownedFiles(files: Files, { uid, gid }: Owner): Files {
  const give = (path: string): void => {
    try {
      lchownSync(path, uid, gid);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FilesError("EPERM", `Cannot give ${path} to its owner: ${why}`, { cause: error });
    }
  };
  return {
    ...files,
    async open(path, mode, permissions) {
      const file = await files.open(path, mode, permissions);
      if (mode === "read" || mode === "update") return file;
      // The file, not what its owner to be has put in its place.
      try {
        await file.giveTo(uid, gid);
      } catch (error) {
        await file.close();
        throw error;
      }
      return file;
    },
    async makeFolder(folder, permissions) {
      await files.makeFolder(folder, permissions);
      give(folder);
    },
  };
}
