/**
 * Who decides which file a path leads to, where root reads what users may have put there.
 *
 * That is the owner of the first folder, link or file on the way that is not root's: all
 * that lies below it is his to replace, with a link to somebody else's file too.
 */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, join } from "node:path/posix";

/** Linux's own bound. */
const MAX_LINKS = 40;
const ROOT_UID = 0;
const READABLE_BY_ALL = 0o004;

/**
 * Whether root may read `opened` for whoever decided that `path` leads to it: it is his
 * own, or everybody may read it. @throws if the way cannot be looked at.
 */
export function mayLeadTo(path: string, opened: Stats): boolean {
  if ((opened.mode & READABLE_BY_ALL) !== 0) return true;
  const uid = deciderOf(path);
  return uid === ROOT_UID || uid === opened.uid;
}

/** @param path an absolute one. @throws if a part of it cannot be looked at. */
function deciderOf(path: string): number {
  const rest = path.split("/");
  let reached = "/";
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      reached = dirname(reached);
      continue;
    }
    const next = join(reached, name);
    const stat = lstatSync(next);
    if (stat.uid !== ROOT_UID) return stat.uid;
    if (!stat.isSymbolicLink()) {
      reached = next;
      continue;
    }
    if (++links > MAX_LINKS) throw new Error("too many symbolic links encountered");
    const target = readlinkSync(next);
    if (target.startsWith("/")) reached = "/";
    rest.unshift(...target.split("/"));
  }
  return ROOT_UID;
}
