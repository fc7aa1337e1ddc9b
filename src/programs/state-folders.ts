/** Folders of the state, as whoever needs the first of them makes them: the daemon, or an import before its first start. */
import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import type { Account } from "#processes/child.ts";

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Makes a folder that is root's where root is the caller. The string says why it cannot be used.
 *
 * @throws if it cannot be made.
 */
export function makeRootsFolder(folder: string, mode: number): string | undefined {
  // The daemon's users must get through folders that root makes, whatever root's mask is.
  process.umask(0o022);
  mkdirSync(folder, { recursive: true, mode });
  const danger = dangerOf(folder);
  return danger === undefined ? undefined : `cannot use the state folder ${folder}: ${danger}`;
}

/** Makes a folder for its owner alone. @throws if it cannot be made. */
export function makePrivateFolder(folder: string, owner: Account | undefined): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
}

/** Whoever may put a link there decides what root makes somebody else's. */
function dangerOf(folder: string): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, mode } = statSync(folder);
  if (uid !== 0) return `it belongs to uid ${uid}, and root starts smtpd`;
  return (mode & WRITABLE_BY_OTHERS) === 0 ? undefined : "others than root may write there";
}
