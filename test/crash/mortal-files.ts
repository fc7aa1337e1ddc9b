/**
 * Files of a process that can be killed: from its nth operation on nothing that it asks
 * for happens, and nothing is answered. What it did before is seen by the next process,
 * durable or not.
 */
import type { Files, OpenFile } from "#base/ports/files.ts";

export interface MortalFiles {
  readonly files: Files;
  /** Resolves when the process would have begun the operation that it died at. */
  readonly death: Promise<void>;
}

/** Operations that read names or sizes alone are not counted: a death there shows nothing new. */
export function mortalFiles(files: Files, deathAt: number): MortalFiles {
  let started = 0;
  const { promise: death, resolve: die } = Promise.withResolvers<void>();
  const gate = async <Value>(operation: () => Promise<Value>): Promise<Value> => {
    started++;
    if (started < deathAt) {
      const value = await operation();
      // The system finishes what was under way, and has nobody to tell.
      if (started < deathAt) return value;
    }
    die();
    return new Promise<Value>(() => {});
  };
  const mortalFile = (file: OpenFile): OpenFile => ({
    write: (...call) => gate(() => file.write(...call)),
    read: (...call) => gate(() => file.read(...call)),
    sync: () => gate(() => file.sync()),
    truncate: (bytes) => gate(() => file.truncate(bytes)),
    giveTo: (uid, gid) => gate(() => file.giveTo(uid, gid)),
    seal: (permissions) => gate(() => file.seal(permissions)),
    stat: () => file.stat(),
    close: () => gate(() => file.close()),
  });
  return {
    files: {
      ...files,
      open: (...call) => gate(async () => mortalFile(await files.open(...call))),
      makeFolder: (...call) => gate(() => files.makeFolder(...call)),
      rename: (...call) => gate(() => files.rename(...call)),
      unlink: (path) => gate(() => files.unlink(path)),
      syncFolder: (folder) => gate(() => files.syncFolder(folder)),
    },
    death,
  };
}
