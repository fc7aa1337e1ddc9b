/**
 * A simulated disk: what its files are, and what a power cut leaves of them.
 *
 * Bytes are durable once synced (file-content.ts), names once their folder was
 * (disk-tree.ts). `crash` gives the disk as it is found after a power cut at this
 * moment, drawn from the seed. Power can be cut in the middle of the n-th
 * operation, operations can be made to fail, and the disk can be full. Programs
 * use it through `files` (files.ts).
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import {
  type DiskFault,
  type DiskOperation,
  type DiskOperationName,
  DiskOperations,
  type DiskOperationSettings,
} from "./disk-operations.ts";
import { DiskSpace, type DiskSpaceSettings } from "./disk-space.ts";
import {
  DiskTree,
  filesBelow,
  makeFileNode,
  makeFolderNode,
  type Ownership,
  type TreeNode,
} from "./disk-tree.ts";
import { simFiles } from "./files.ts";
import type { SimRandom } from "./random.ts";

export interface SimDiskSettings extends DiskOperationSettings, DiskSpaceSettings {
  /** Owner of every file that is not planted as another's; 0 if left out. */
  readonly uid?: number;
}

export class SimDisk {
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #settings: SimDiskSettings;
  readonly #tree: DiskTree;
  readonly #operations: DiskOperations;
  readonly #space: DiskSpace;

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
    this.#operations = new DiskOperations(clock, settings);
    this.#space = new DiskSpace(settings);
    for (const node of new Set(filesBelow(tree.root))) this.#space.count(node);
  }

  /** The port to this disk. */
  files(): Files {
    return simFiles({
      clock: this.#clock,
      random: this.#random,
      tree: this.#tree,
      operations: this.#operations,
      space: this.#space,
      uid: this.#settings.uid ?? 0,
    });
  }

  /** Operations asked for so far. */
  get operations(): number {
    return this.#operations.count;
  }

  get usedBytes(): number {
    return this.#space.usedBytes;
  }

  /** Open files that were not closed. */
  get openFiles(): number {
    return this.#space.openFiles;
  }

  /** Resolves when the power went. */
  get powerLost(): Promise<void> {
    return this.#operations.powerLost;
  }

  /** Has `watch` called before each operation starts. */
  set onOperation(watch: ((operation: DiskOperation) => void) | undefined) {
    this.#operations.onOperation = watch;
  }

  /** The next operation called `operation` fails with `code`. */
  failNext(operation: DiskOperationName, code: string): void {
    this.#operations.addFault({ operation, code });
  }

  /**
   * Scripts failures. A write that fails may have written a part; after a sync
   * that fails, what was not durable is lost on disk though it still can be read.
   */
  fail(fault: DiskFault): void {
    this.#operations.addFault(fault);
  }

  clearFaults(): void {
    this.#operations.clearFaults();
  }

  /** Cuts the power in the middle of the operation with this number (counted from 1). */
  losePowerAt(operation: number): void {
    this.#operations.losePowerAt(operation);
  }

  /** Cuts the power now; operations under way do not return. */
  losePower(): void {
    this.#operations.losePower();
  }

  /**
   * The disk as it is found after a power cut now, with power and without faults.
   * This disk is off from now on. Asked again, it draws another outcome.
   */
  crash(random: SimRandom = this.#random): SimDisk {
    this.losePower();
    return new SimDisk(this.#clock, random, this.#settings, this.#tree.afterPowerCut(random));
  }

  /** Makes a folder and those above it, durable at once: where a test starts from. */
  plantFolder(path: string, owned: Partial<Ownership> = {}): void {
    let at = "";
    for (const name of path.split("/").filter(Boolean)) {
      at += `/${name}`;
      if (this.#tree.find(at).node === undefined) {
        this.#plant(at, makeFolderNode(this.#owned(0o755, owned), this.#clock.wallMs()));
      }
    }
  }

  /** Makes a file with a copy of `bytes`, durable at once; its folder must exist. */
  plantFile(path: string, bytes: Uint8Array, owned: Partial<Ownership> = {}): void {
    const node = makeFileNode(this.#owned(0o600, owned), this.#clock.wallMs());
    node.content.apply({ kind: "write", offset: 0, bytes: bytes.slice() });
    node.content.harden(node.content.pending.at(-1));
    this.#plant(path, node);
    this.#space.count(node);
  }

  /** Makes a symbolic link, durable at once; nothing follows it. */
  plantSymlink(path: string): void {
    const { mode, uid } = this.#owned(0o777, {});
    this.#plant(path, { kind: "symlink", mode, uid, modifiedAtMs: this.#clock.wallMs() });
  }

  /** A copy of the bytes of a file as they are seen now, without an operation. */
  bytesOf(path: string): Uint8Array {
    const { content } = this.#tree.getFile(path);
    return content.read(0, content.length);
  }

  #owned(mode: number, owned: Partial<Ownership>): Ownership {
    return { mode, uid: this.#settings.uid ?? 0, ...owned };
  }

  #plant(path: string, node: TreeNode): void {
    this.#tree.change(this.#clock.wallMs(), { ...this.#tree.findFree(path), node });
    this.#tree.syncAll();
  }
}
