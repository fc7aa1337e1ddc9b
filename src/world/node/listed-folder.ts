/**
 * A folder through opendir(3) and inotify(7).
 *
 * A watch that has told is closed at once: a folder in which somebody makes files without end
 * costs one word, and not one for each of them.
 */
import { type FSWatcher, watch } from "node:fs";
import { opendir } from "node:fs/promises";
import type { ListedFolder } from "#base/ports/listed-folder.ts";
import { fault } from "./files.ts";

const NAMES_AT_ONCE = 256;

export function nodeListedFolder(path: string): ListedFolder {
  return {
    names: () => names(path),
    onceChanged: (changed) => onceChanged(path, changed),
  };
}

async function* names(path: string): AsyncIterable<readonly string[]> {
  try {
    const folder = await opendir(path, { bufferSize: NAMES_AT_ONCE });
    let some: string[] = [];
    // Closes the folder at its end, and when the caller has enough.
    for await (const { name } of folder) {
      some.push(name);
      if (some.length < NAMES_AT_ONCE) continue;
      yield some;
      some = [];
    }
    if (some.length > 0) yield some;
  } catch (error) {
    throw fault(error as NodeJS.ErrnoException);
  }
}

function onceChanged(path: string, changed: () => void): () => void {
  let watcher: FSWatcher;
  try {
    watcher = watch(path, { persistent: false });
  } catch {
    // No more watches (ENOSPC), or no folder: the caller looks again by time.
    return () => undefined;
  }
  watcher.once("change", () => {
    watcher.close();
    changed();
  });
  watcher.on("error", () => watcher.close());
  return () => watcher.close();
}
