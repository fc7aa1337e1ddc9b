/**
 * Files whose folder syncs are shared: a sync that is asked for while one of the same
 * folder runs waits for the next one, and all who wait share it.
 *
 * Promise: a call returns only after a sync that began after the call.
 */
import type { Files } from "#base/ports/files.ts";

interface FolderState {
  next: Promise<void> | undefined;
  readonly running: Promise<void>;
}

export function withGroupedFolderSync(files: Files): Files {
  const folders = new Map<string, FolderState>();

  const start = (folder: string): Promise<void> => {
    const running = files.syncFolder(folder);
    const state: FolderState = { running, next: undefined };
    folders.set(folder, state);
    return running.finally(() => {
      if (folders.get(folder) === state && state.next === undefined) folders.delete(folder);
    });
  };

  return {
    open: (path, mode, permissions) => files.open(path, mode, permissions),
    list: (folder) => files.list(folder),
    makeFolder: (folder, permissions) => files.makeFolder(folder, permissions),
    rename: (from, to) => files.rename(from, to),
    link: (from, to) => files.link(from, to),
    unlink: (path) => files.unlink(path),
    stat: (path) => files.stat(path),
    statTarget: (path) => files.statTarget(path),
    freeSpace: (path) => files.freeSpace(path),
    syncFolder(folder) {
      const state = folders.get(folder);
      if (state === undefined) return start(folder);
      // A failure of the running sync is its own callers' business.
      state.next ??= state.running.then(
        () => start(folder),
        () => start(folder),
      );
      return state.next;
    },
  };
}
