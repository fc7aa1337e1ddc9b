/**
 * Files that belong to somebody else from their making: what root does to a spool has to stay
 * the queue's, whose process is not root.
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
      if (mode === "create" || mode === "create-dsync") give(path);
      return file;
    },
    async makeFolder(folder, permissions) {
      await files.makeFolder(folder, permissions);
      give(folder);
    },
  };
}
