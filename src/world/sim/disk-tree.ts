/**
 * Names on the simulated disk: folders, what is in them, and which of those
 * entries are on disk.
 *
 * Making, renaming, linking and unlinking is seen at once and durable only when
 * one of the folders that it changed is synced. A power cut keeps some of the
 * rest: sometimes the first so many, as a journaling file system does, sometimes
 * any of them. A rename is kept whole or not at all, and no entry goes back
 * behind a state that is durable.
 */
import { FilesError, type FileStat } from "#base/ports/files.ts";
import { FileContent } from "./file-content.ts";
import type { SimRandom } from "./random.ts";

export interface FileNode {
  readonly kind: "file";
  readonly content: FileContent;
  mode: number;
  uid: number;
  links: number;
  /** How many open files hold it: an unlinked file lives until the last of them is closed. */
  opens: number;
  modifiedAtMs: number;
}

export interface FolderNode {
  readonly kind: "folder";
  readonly mode: number;
  readonly uid: number;
  readonly entries: Map<string, TreeNode>;
  /** Entries as the disk has them. */
  readonly durable: Map<string, TreeNode>;
  modifiedAtMs: number;
}

export interface SymlinkNode {
  readonly kind: "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly modifiedAtMs: number;
}

export type TreeNode = FileNode | FolderNode | SymlinkNode;

/** A name in a folder, and what it leads to. */
export interface Place {
  readonly folder: FolderNode;
  readonly name: string;
  readonly node: TreeNode | undefined;
}

/** Entries that change together. `node` undefined removes the name. */
type EntryChange = readonly Place[];

export class DiskTree {
  readonly root: FolderNode;
  #pending: EntryChange[] = [];

  constructor(root: FolderNode = makeFolderNode({ mode: 0o755, uid: 0 }, 0)) {
    this.root = root;
  }

  /** Where `path` leads; its last name need not exist. */
  find(path: string): Place {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    let place: Place = { folder: this.root, name: ".", node: this.root };
    for (const name of names) {
      const folder = place.node;
      if (folder === undefined) throw notFound(path);
      if (folder.kind !== "folder") throw notFolder(path);
      place = { folder, name, node: folder.entries.get(name) };
    }
    return place;
  }

  /** A place that `path` names and that is still free. */
  findFree(path: string): Place {
    const place = this.find(path);
    if (place.node !== undefined) {
      throw new FilesError("EEXIST", `Cannot make ${path}: it exists`);
    }
    return place;
  }

  /** What is at `path`. */
  get(path: string): TreeNode {
    const { node } = this.find(path);
    if (node === undefined) throw notFound(path);
    return node;
  }

  getFolder(path: string): FolderNode {
    const node = this.get(path);
    if (node.kind !== "folder") throw notFolder(path);
    return node;
  }

  getFile(path: string): FileNode {
    const node = this.get(path);
    if (node.kind === "file") return node;
    if (node.kind === "folder") throw new FilesError("EISDIR", `Cannot open ${path}: a folder`);
    throw new FilesError("ELOOP", `Cannot open ${path}: a symbolic link`);
  }

  /** Changes entries, all at once for whoever looks; durable only later. */
  change(nowMs: number, ...places: EntryChange): void {
    for (const { folder, name, node } of places) {
      const before = folder.entries.get(name);
      if (before?.kind === "file") before.links--;
      if (node?.kind === "file") node.links++;
      setEntry(folder.entries, name, node);
      folder.modifiedAtMs = nowMs;
    }
    this.#pending.push(places);
  }

  /** Makes the entries of `folder` durable, and with them the other half of each rename. */
  syncFolder(folder: FolderNode): void {
    this.#harden((change) => change.some((place) => place.folder === folder));
  }

  syncAll(): void {
    this.#harden(() => true);
  }

  /** A new tree with what a power cut now would leave of this one. */
  afterPowerCut(random: SimRandom): DiskTree {
    // Journaling file systems keep order; POSIX promises nothing of the kind.
    const keepsOrder = random.chance(50);
    const keptCount = random.below(this.#pending.length + 1);
    const survivors = new Set(
      this.#pending.filter((_, at) => (keepsOrder ? at < keptCount : random.chance(50))),
    );
    const entries = new Map<FolderNode, Map<string, TreeNode>>();
    const entriesOf = (folder: FolderNode): Map<string, TreeNode> => {
      const known = entries.get(folder) ?? new Map(folder.durable);
      entries.set(folder, known);
      return known;
    };
    for (const change of withEarlier(this.#pending, (each) => survivors.has(each))) {
      for (const { folder, name, node } of change) setEntry(entriesOf(folder), name, node);
    }
    return new DiskTree(copyFolder(this.root, { entriesOf, random, files: new Map() }));
  }

  #harden(wanted: (change: EntryChange) => boolean): void {
    const hardened = new Set(withEarlier(this.#pending, wanted));
    for (const change of hardened) {
      for (const { folder, name, node } of change) setEntry(folder.durable, name, node);
    }
    this.#pending = this.#pending.filter((change) => !hardened.has(change));
  }
}

/** Whose a node is, and who may do what with it. */
export interface Ownership {
  readonly mode: number;
  readonly uid: number;
}

export function makeFolderNode({ mode, uid }: Ownership, nowMs: number): FolderNode {
  return { kind: "folder", mode, uid, entries: new Map(), durable: new Map(), modifiedAtMs: nowMs };
}

export function makeFileNode({ mode, uid }: Ownership, nowMs: number): FileNode {
  return {
    kind: "file",
    content: new FileContent(),
    mode,
    uid,
    links: 0,
    opens: 0,
    modifiedAtMs: nowMs,
  };
}

/** What stat(2) says of it. */
export function describe(node: TreeNode): FileStat {
  return {
    kind: node.kind,
    bytes: node.kind === "file" ? node.content.length : 0,
    mode: node.mode,
    uid: node.uid,
    links: node.kind === "file" ? node.links : 1,
    modifiedAtMs: node.modifiedAtMs,
  };
}

/** Every file below `node`, once for each of its names. */
export function* filesBelow(node: TreeNode): Generator<FileNode> {
  if (node.kind === "file") yield node;
  if (node.kind === "folder") for (const entry of node.entries.values()) yield* filesBelow(entry);
}

function notFound(path: string): FilesError {
  return new FilesError("ENOENT", `Cannot find ${path}: no such file or folder`);
}

function notFolder(path: string): FilesError {
  return new FilesError("ENOTDIR", `Cannot find ${path}: not a folder`);
}

function setEntry(entries: Map<string, TreeNode>, name: string, node: TreeNode | undefined): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}

/** The wanted changes with every earlier one of the same names, in their order. */
function withEarlier(
  changes: readonly EntryChange[],
  wanted: (change: EntryChange) => boolean,
): readonly EntryChange[] {
  const names = new Map<FolderNode, Set<string>>();
  const taken: EntryChange[] = [];
  for (const change of changes.toReversed()) {
    const named = change.some(({ folder, name }) => names.get(folder)?.has(name) === true);
    if (!named && !wanted(change)) continue;
    taken.push(change);
    for (const { folder, name } of change) {
      names.set(folder, (names.get(folder) ?? new Set()).add(name));
    }
  }
  return taken.toReversed();
}

interface Copying {
  readonly entriesOf: (folder: FolderNode) => ReadonlyMap<string, TreeNode>;
  readonly random: SimRandom;
  /** Files copied already: two names of one file stay two names of one file. */
  readonly files: Map<FileNode, FileNode>;
}

function copyFolder(folder: FolderNode, copying: Copying): FolderNode {
  const copy = makeFolderNode(folder, folder.modifiedAtMs);
  for (const [name, node] of copying.entriesOf(folder)) {
    const found = copyNode(node, copying);
    copy.entries.set(name, found);
    copy.durable.set(name, found);
    if (found.kind === "file") found.links++;
  }
  return copy;
}

function copyNode(node: TreeNode, copying: Copying): TreeNode {
  if (node.kind === "symlink") return node;
  if (node.kind === "folder") return copyFolder(node, copying);
  const known = copying.files.get(node);
  if (known !== undefined) return known;
  const content = node.content.afterPowerCut(copying.random);
  const copy: FileNode = { ...node, content, links: 0, opens: 0 };
  copying.files.set(node, copy);
  return copy;
}
