/**
 * A disk in memory that forgets what was not synced.
 *
 * `crash` gives the disk as it is found after a power cut at this moment; what
 * survives is told in file-content.ts (bytes) and disk-tree.ts (names), and
 * drawn from the seed. Power can be cut in the middle of the n-th operation
 * (`losePowerAt`), operations can be made to fail (`failNext`), and the disk can
 * be full. An operation answers after promises have run once, or after
 * `latencyMs` of simulated time.
 */
import type { Clock } from "#base/ports/clock.ts";
import {
  type Files,
  FilesError,
  type FileStat,
  type FreeSpace,
  type OpenFile,
  type OpenMode,
} from "#base/ports/files.ts";
import { type DiskFault, DiskFaults, type DiskOperationName } from "./disk-faults.ts";
import {
  DiskTree,
  type FileNode,
  makeFileNode,
  makeFolderNode,
  type TreeNode,
} from "./disk-tree.ts";
import type { Change } from "./file-content.ts";
import type { SimRandom } from "./random.ts";

export interface SimDiskSettings {
  /** Simulated time that each operation takes; 0 if left out. */
  readonly latencyMs?: number;
  readonly capacityBytes?: number;
  readonly capacityFiles?: number;
  readonly maxOpenFiles?: number;
  /** Owner of every file; 0 if left out. */
  readonly uid?: number;
  /** What operations do once power is lost: "hang" (as seen by a dead process) if left out. */
  readonly afterPowerLoss?: "hang" | "throw";
}

/** One operation, as `onOperation` is told of it before it starts. */
export interface DiskOperation {
  /** 1 for the first operation of this disk. */
  readonly number: number;
  readonly name: DiskOperationName;
  readonly path: string;
}

/** Thrown by operations on a disk without power, if its settings ask for that. */
export class SimPowerLoss extends Error {
  override readonly name = "SimPowerLoss";
}

/** The two halves of an operation: what happens when it is asked for, and when it returns. */
interface Steps<Value> {
  readonly begin?: () => void;
  readonly finish: () => Value;
}

export class SimDisk {
  /** Called before each operation starts. */
  onOperation: ((operation: DiskOperation) => void) | undefined;
  /** Resolves when the power went. */
  readonly powerLost: Promise<void>;

  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #settings: SimDiskSettings;
  readonly #tree: DiskTree;
  readonly #faults = new DiskFaults();
  #power: "on" | "off" = "on";
  #announcePowerLoss: () => void = () => {};
  #operations = 0;
  #losePowerAt = Infinity;
  #usedBytes = 0;
  #usedFiles = 0;
  #openFiles = 0;

  constructor(
    clock: Clock,
    random: SimRandom,
    settings: SimDiskSettings = {},
    tree: DiskTree = new DiskTree(),
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#settings = settings;
    this.#tree = tree;
    this.powerLost = new Promise((resolve) => {
      this.#announcePowerLoss = resolve;
    });
    for (const node of new Set(filesBelow(tree.root))) {
      this.#usedBytes += node.content.length;
      this.#usedFiles++;
    }
  }

  /** Operations asked for so far. */
  get operations(): number {
    return this.#operations;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Open files that were not closed. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** The port to this disk. */
  files(): Files {
    return {
      open: (path, mode, permissions = 0o600) => this.#open(path, mode, permissions),
      list: (folder) =>
        this.#perform("list", folder, {
          finish: () => [...this.#tree.getFolder(folder).entries.keys()],
        }),
      makeFolder: (folder, permissions) =>
        this.#perform("makeFolder", folder, {
          begin: () => this.#makeFolder(folder, permissions),
          finish: nothing,
        }),
      rename: (from, to) =>
        this.#perform("rename", from, { begin: () => this.#rename(from, to), finish: nothing }),
      link: (from, to) =>
        this.#perform("link", from, { begin: () => this.#link(from, to), finish: nothing }),
      unlink: (path) =>
        this.#perform("unlink", path, { begin: () => this.#unlink(path), finish: nothing }),
      syncFolder: (folder) =>
        this.#perform("syncFolder", folder, {
          finish: () => this.#tree.syncFolder(this.#tree.getFolder(folder)),
        }),
      stat: (path) => this.#perform("stat", path, { finish: () => this.#stat(path) }),
      freeSpace: (path) =>
        this.#perform("freeSpace", path, { finish: () => this.#freeSpace(path) }),
    };
  }

  /** The next operation called `operation` fails with `code`. */
  failNext(operation: DiskOperationName, code: string): void {
    this.#faults.add({ operation, code });
  }

  /**
   * Scripts failures. A write that fails may have written a part; after a sync
   * that fails, what was not durable is lost on disk though it still can be read.
   */
  fail(fault: DiskFault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Cuts the power in the middle of the operation with this number (counted from 1). */
  losePowerAt(operation: number): void {
    this.#losePowerAt = operation;
  }

  /** Cuts the power now; operations under way do not return. */
  losePower(): void {
    this.#power = "off";
    this.#announcePowerLoss();
  }

  /**
   * The disk as it is found after a power cut now, with power and no faults. This
   * disk is off from now on; it can be asked again for another outcome with
   * another `random`.
   */
  crash(random: SimRandom = this.#random): SimDisk {
    this.losePower();
    return new SimDisk(this.#clock, random, this.#settings, this.#tree.afterPowerCut(random));
  }

  /** Makes a folder and those above it, durable at once: where a test starts from. */
  plantFolder(path: string): void {
    let at = "";
    for (const name of path.split("/").filter(Boolean)) {
      at += `/${name}`;
      const place = this.#tree.find(at);
      if (place.node !== undefined) continue;
      const node = makeFolderNode(0o755, this.#clock.wallMs());
      this.#tree.change(this.#clock.wallMs(), { ...place, node });
    }
    this.#tree.syncAll();
  }

  /** Makes a file with `bytes`, durable at once; its folder must exist. */
  plantFile(path: string, bytes: Uint8Array): void {
    const nowMs = this.#clock.wallMs();
    const node = makeFileNode(0o600, nowMs);
    node.content.apply({ kind: "write", offset: 0, bytes: bytes.slice() });
    node.content.harden(node.content.pending.at(-1));
    this.#tree.change(nowMs, { ...this.#tree.find(path), node });
    this.#tree.syncAll();
    this.#usedBytes += bytes.length;
    this.#usedFiles++;
  }

  /** Makes a symbolic link, durable at once; nothing follows it. */
  plantSymlink(path: string): void {
    const nowMs = this.#clock.wallMs();
    const node: TreeNode = { kind: "symlink", mode: 0o777, modifiedAtMs: nowMs };
    this.#tree.change(nowMs, { ...this.#tree.find(path), node });
    this.#tree.syncAll();
  }

  /** A copy of the bytes of a file as they are seen now, without an operation. */
  bytesOf(path: string): Uint8Array {
    const node = this.#tree.get(path);
    if (node.kind !== "file") throw new FilesError("EISDIR", `Cannot read ${path}: not a file`);
    return node.content.read(0, node.content.length);
  }

  async #perform<Value>(
    name: DiskOperationName,
    path: string,
    { begin, finish }: Steps<Value>,
  ): Promise<Value> {
    const number = ++this.#operations;
    this.onOperation?.({ number, name, path });
    if (this.#power === "off") return this.#noPower();
    // Before `begin` only for those whose failure has no effect; write and sync look themselves.
    if (name !== "write" && name !== "sync") this.#throwFault(name, path);
    begin?.();
    if (number >= this.#losePowerAt) this.losePower();
    await this.#latency();
    if (this.#isOff()) return this.#noPower();
    return finish();
  }

  #isOff(): boolean {
    return this.#power === "off";
  }

  #noPower(): Promise<never> {
    if (this.#settings.afterPowerLoss === "throw") throw new SimPowerLoss("The disk has no power");
    return new Promise(() => {});
  }

  #latency(): Promise<void> {
    const latencyMs = this.#settings.latencyMs ?? 0;
    if (latencyMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(latencyMs, resolve);
    });
  }

  #throwFault(name: DiskOperationName, path: string): void {
    const code = this.#faults.take(name, path);
    if (code !== undefined)
      throw new FilesError(code, `Cannot ${name} ${path}: ${code}, as scripted`);
  }

  #open(path: string, mode: OpenMode, permissions: number): Promise<OpenFile> {
    let node: FileNode | undefined;
    return this.#perform("open", path, {
      begin: () => {
        if (this.#openFiles >= (this.#settings.maxOpenFiles ?? Infinity)) {
          throw new FilesError("EMFILE", `Cannot open ${path}: too many open files`);
        }
        node =
          mode === "read" || mode === "update"
            ? this.#existing(path)
            : this.#create(path, permissions);
        node.opens++;
        this.#openFiles++;
      },
      finish: () => this.#openFile(path, mode, node ?? this.#existing(path)),
    });
  }

  #existing(path: string): FileNode {
    const node = this.#tree.get(path);
    if (node.kind === "symlink")
      throw new FilesError("ELOOP", `Cannot open ${path}: a symbolic link`);
    if (node.kind === "folder") throw new FilesError("EISDIR", `Cannot open ${path}: a folder`);
    return node;
  }

  #create(path: string, permissions: number): FileNode {
    const place = this.#tree.find(path);
    if (place.node !== undefined) throw exists(path);
    if (this.#usedFiles >= (this.#settings.capacityFiles ?? Infinity)) throw full(path);
    const node = makeFileNode(permissions, this.#clock.wallMs());
    this.#usedFiles++;
    this.#tree.change(this.#clock.wallMs(), { ...place, node });
    return node;
  }

  #openFile(path: string, mode: OpenMode, node: FileNode): OpenFile {
    let isOpen = true;
    const { content } = node;
    const check = (needed: "read" | "write" | "any"): void => {
      const writes = mode !== "read";
      const reads = mode === "read" || mode === "update";
      if (!isOpen || (needed === "write" && !writes) || (needed === "read" && !reads)) {
        throw new FilesError("EBADF", `Cannot use ${path}: not open for that`);
      }
    };
    return {
      write: (chunks, offset) => {
        let change: Change | undefined;
        return this.#perform("write", path, {
          begin: () => {
            check("write");
            change = this.#write(path, node, {
              kind: "write",
              offset,
              bytes: Buffer.concat(chunks),
            });
          },
          finish: () => {
            if (mode === "create-dsync") content.harden(change);
          },
        });
      },
      read: (offset, length) =>
        this.#perform("read", path, {
          begin: () => check("read"),
          finish: () => content.read(offset, length),
        }),
      sync: () => {
        let covered: Change | undefined;
        return this.#perform("sync", path, {
          begin: () => {
            check("any");
            covered = content.pending.at(-1);
            const code = this.#faults.take("sync", path);
            if (code === undefined) return;
            content.forsakePending(this.#random);
            throw new FilesError(code, `Cannot sync ${path}: ${code}, as scripted`);
          },
          finish: () => content.harden(covered),
        });
      },
      truncate: (bytes) =>
        this.#perform("truncate", path, {
          begin: () => {
            check("write");
            this.#write(path, node, { kind: "truncate", length: bytes });
          },
          finish: nothing,
        }),
      close: () =>
        this.#perform("close", path, {
          begin: () => check("any"),
          finish: () => {
            isOpen = false;
            this.#openFiles--;
            node.opens--;
            this.#release(node);
          },
        }),
    };
  }

  /** Applies a change, or the part of it for which there is room, and throws. */
  #write(path: string, node: FileNode, change: Change): Change {
    const { content } = node;
    const before = content.length;
    const after =
      change.kind === "truncate"
        ? change.length
        : Math.max(before, change.offset + change.bytes.length);
    const room = (this.#settings.capacityBytes ?? Infinity) - this.#usedBytes;
    const scripted = change.kind === "write" ? this.#faults.take("write", path) : undefined;
    if (scripted === undefined && after - before <= room) {
      content.apply(change);
      this.#usedBytes += after - before;
      node.modifiedAtMs = this.#clock.wallMs();
      return change;
    }
    if (change.kind === "write") {
      const fits = Math.max(0, Math.min(change.bytes.length, before + room - change.offset));
      const bytes = change.bytes.subarray(0, this.#random.below(fits + 1));
      content.apply({ ...change, bytes });
      this.#usedBytes += content.length - before;
    }
    if (scripted === undefined) throw full(path);
    throw new FilesError(scripted, `Cannot write ${path}: ${scripted}, as scripted`);
  }

  /** Frees the space of a file that has neither a name nor a user left. */
  #release(node: TreeNode): void {
    if (node.kind !== "file" || node.links > 0 || node.opens > 0) return;
    this.#usedBytes -= node.content.length;
    this.#usedFiles--;
  }

  #makeFolder(path: string, permissions: number): void {
    const place = this.#tree.find(path);
    if (place.node !== undefined) throw exists(path);
    const nowMs = this.#clock.wallMs();
    this.#tree.change(nowMs, { ...place, node: makeFolderNode(permissions, nowMs) });
  }

  #rename(from: string, to: string): void {
    const source = this.#tree.find(from);
    const target = this.#tree.find(to);
    const { node } = source;
    if (node === undefined) throw new FilesError("ENOENT", `Cannot rename ${from}: no such file`);
    if (node === target.node) return; // rename(2): two names of one file, nothing happens
    if (target.node !== undefined) checkReplaceable(node, target.node, to);
    this.#tree.change(this.#clock.wallMs(), { ...source, node: undefined }, { ...target, node });
    if (target.node !== undefined) this.#release(target.node);
  }

  #link(from: string, to: string): void {
    const node = this.#tree.get(from);
    const target = this.#tree.find(to);
    if (node.kind !== "file") throw new FilesError("EPERM", `Cannot link ${from}: not a file`);
    if (target.node !== undefined) throw exists(to);
    this.#tree.change(this.#clock.wallMs(), { ...target, node });
  }

  #unlink(path: string): void {
    const place = this.#tree.find(path);
    if (place.node === undefined)
      throw new FilesError("ENOENT", `Cannot unlink ${path}: no such file`);
    if (place.node.kind === "folder")
      throw new FilesError("EISDIR", `Cannot unlink ${path}: a folder`);
    this.#tree.change(this.#clock.wallMs(), { ...place, node: undefined });
    this.#release(place.node);
  }

  #stat(path: string): FileStat {
    const node = this.#tree.get(path);
    return {
      kind: node.kind,
      bytes: node.kind === "file" ? node.content.length : 0,
      mode: node.mode,
      uid: this.#settings.uid ?? 0,
      links: node.kind === "file" ? node.links : 1,
      modifiedAtMs: node.modifiedAtMs,
    };
  }

  #freeSpace(path: string): FreeSpace {
    this.#tree.get(path);
    return {
      bytes: Math.max(0, (this.#settings.capacityBytes ?? Infinity) - this.#usedBytes),
      files: Math.max(0, (this.#settings.capacityFiles ?? Infinity) - this.#usedFiles),
    };
  }
}

function nothing(): void {}

function exists(path: string): FilesError {
  return new FilesError("EEXIST", `Cannot make ${path}: it exists`);
}

function full(path: string): FilesError {
  return new FilesError("ENOSPC", `Cannot write ${path}: the disk is full`);
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

function* filesBelow(node: TreeNode): Generator<FileNode> {
  if (node.kind === "file") yield node;
  if (node.kind === "folder") for (const entry of node.entries.values()) yield* filesBelow(entry);
}
