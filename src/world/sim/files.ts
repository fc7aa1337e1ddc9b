/** The Files port of a simulated disk (disk.ts). */
import { type Files, FilesError, type OpenFile, type OpenMode } from "#base/ports/files.ts";
import { throwFault } from "./disk-operations.ts";
import type { DiskParts } from "./disk-parts.ts";
import {
  describe,
  type FileNode,
  makeFileNode,
  makeFolderNode,
  type TreeNode,
} from "./disk-tree.ts";
import { openSimFile } from "./open-file.ts";

/** The port to the disk made of `disk`. */
export function simFiles(disk: DiskParts): Files {
  const { clock, operations, space, tree } = disk;

  /** An operation that changes names and has nothing to answer. */
  const change = (
    name: "makeFolder" | "rename" | "link" | "unlink",
    path: string,
    apply: () => void,
  ): Promise<void> =>
    operations.perform(name, path, {
      begin(faultCode) {
        throwFault(faultCode);
        apply();
      },
      finish: () => {},
    });

  return {
    open: (path, mode, permissions = 0o600) => open(disk, path, mode, permissions),
    list: (folder) =>
      operations.perform("list", folder, {
        finish: () => [...tree.getFolder(folder).entries.keys()],
      }),
    makeFolder: (path, permissions) =>
      change("makeFolder", path, () => {
        const node = makeFolderNode({ mode: permissions, uid: disk.uid }, clock.wallMs());
        tree.change(clock.wallMs(), { ...tree.findFree(path), node });
      }),
    rename: (from, to) => change("rename", from, () => rename(disk, from, to)),
    link: (from, to) =>
      change("link", from, () => {
        const node = tree.get(from);
        const target = tree.findFree(to);
        if (node.kind === "folder") throw new FilesError("EPERM", `Cannot link ${from}: a folder`);
        tree.change(clock.wallMs(), { ...target, node });
      }),
    unlink: (path) =>
      change("unlink", path, () => {
        const node = tree.get(path);
        if (node.kind === "folder")
          throw new FilesError("EISDIR", `Cannot unlink ${path}: a folder`);
        tree.change(clock.wallMs(), { ...tree.find(path), node: undefined });
        if (node.kind === "file") space.release(node);
      }),
    syncFolder: (folder) =>
      operations.perform("syncFolder", folder, {
        finish: () => tree.syncFolder(tree.getFolder(folder)),
      }),
    stat: (path) => operations.perform("stat", path, { finish: () => describe(tree.get(path)) }),
    statTarget: (path) =>
      operations.perform("stat", path, {
        finish() {
          const node = tree.get(path);
          // Links lead nowhere on this disk.
          if (node.kind === "symlink") throw new FilesError("ENOENT", `Cannot find ${path}`);
          return describe(node);
        },
      }),
    freeSpace: (path) =>
      operations.perform("freeSpace", path, {
        finish() {
          tree.get(path);
          return space.free();
        },
      }),
  };
}

async function open(
  disk: DiskParts,
  path: string,
  mode: OpenMode,
  permissions: number,
): Promise<OpenFile> {
  let node: FileNode | undefined;
  return disk.operations.perform("open", path, {
    begin(faultCode) {
      throwFault(faultCode);
      disk.space.checkOpen(path);
      const exists = mode === "read" || mode === "update";
      node = exists ? disk.tree.getFile(path) : create(disk, path, permissions);
      disk.space.opened(node);
    },
    finish: () => openSimFile(disk, node ?? disk.tree.getFile(path), path, mode),
  });
}

function create(
  { clock, space, tree, uid }: DiskParts,
  path: string,
  permissions: number,
): FileNode {
  const place = tree.findFree(path);
  space.checkRoomForFile(path);
  const node = makeFileNode({ mode: permissions, uid }, clock.wallMs());
  space.count(node);
  tree.change(clock.wallMs(), { ...place, node });
  return node;
}

function rename({ clock, space, tree }: DiskParts, from: string, to: string): void {
  const node = tree.get(from);
  const target = tree.find(to);
  if (node === target.node) return; // rename(2): two names of one file, nothing happens
  if (target.node !== undefined) checkReplaceable(node, target.node, to);
  tree.change(clock.wallMs(), { ...tree.find(from), node: undefined }, { ...target, node });
  if (target.node?.kind === "file") space.release(target.node);
}

function checkReplaceable(node: TreeNode, target: TreeNode, path: string): void {
  if (target.kind === "folder" && node.kind !== "folder") {
    throw new FilesError("EISDIR", `Cannot replace ${path}: a folder`);
  }
  if (target.kind !== "folder" && node.kind === "folder") {
    throw new FilesError("ENOTDIR", `Cannot replace ${path}: not a folder`);
  }
  if (target.kind === "folder" && target.entries.size > 0) {
    throw new FilesError("ENOTEMPTY", `Cannot replace ${path}: not empty`);
  }
}
