/**
 * File systems of a test's own: a small tmpfs, and ext4 or xfs in an image file whose
 * power can be cut. They need root; where they cannot be had, tests are skipped by name.
 * What was mounted is unmounted when its scratch folder goes, whatever happened.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { until } from "./greeting.ts";
import { programPath, unlessInstalled } from "./peer-program.ts";
import { RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

/** The smallest that mkfs.xfs makes. */
const IMAGE_BYTES: number = 300 * 1024 * 1024;

export type DiskFileSystem = "ext4" | "xfs";

/** `node:test`'s `skip`: why nothing can be mounted here, or false. */
export function unlessMountable(): string | false {
  if (!RUNS_AS_ROOT) return "only root can mount a file system";
  const folder = mkdtempSync(`${tmpdir()}/postrider-mount-`);
  try {
    command("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", folder);
    command("umount", folder);
    return false;
  } catch {
    return "root may not mount a file system here";
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `node:test`'s `skip`: why the power of such a file system cannot be cut here, or false. */
export function unlessCuttable(fileSystem: DiskFileSystem): string | false {
  return (
    unlessMountable() ||
    unlessInstalled("xfs_io") ||
    unlessInstalled(`mkfs.${fileSystem}`) ||
    unlessLoopDevice()
  );
}

function unlessLoopDevice(): string | false {
  try {
    command("losetup", "-f");
    return false;
  } catch {
    return "there is no free loop device";
  }
}

/** A mounted file system. */
export class Mount implements AsyncDisposable {
  readonly folder: string;
  #isMounted = false;

  protected constructor(scratch: Scratch, name: string) {
    this.folder = `${scratch.folder}/${name}`;
    mkdirSync(this.folder);
  }

  protected mount(...words: readonly string[]): void {
    command("mount", ...words, this.folder);
    this.#isMounted = true;
    chmodSync(this.folder, 0o755);
  }

  /** Files that are open keep it busy: whoever has them is ending. Never lazily, see docs/durability.md. */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return;
    await until(() => succeeds("umount", this.folder), `end of the use of ${this.folder}`);
    this.#isMounted = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount();
  }
}

/** A file system in memory, with as many bytes and files as it is given. */
export class SmallDisk extends Mount {
  static make(scratch: Scratch, name: string, options: string): SmallDisk {
    const disk = scratch.use(new SmallDisk(scratch, name));
    disk.mount("-t", "tmpfs", "-o", options, "tmpfs");
    return disk;
  }

  /** From now on nothing can be written. */
  makeReadOnly(): void {
    command("mount", "-o", "remount,ro", this.folder);
  }
}

/** A file system on a disk whose power can be cut: the disk is a file. */
export class CuttableDisk extends Mount {
  #image: string;
  #lives = 1;

  static make(scratch: Scratch, fileSystem: DiskFileSystem): CuttableDisk {
    return scratch.use(new CuttableDisk(scratch, fileSystem));
  }

  private constructor(scratch: Scratch, fileSystem: DiskFileSystem) {
    super(scratch, "disk");
    this.#image = `${scratch.folder}/image`;
    writeFileSync(this.#image, "");
    truncateSync(this.#image, IMAGE_BYTES);
    const quiet = fileSystem === "ext4" ? ["-q", "-F"] : ["-q"];
    command(`mkfs.${fileSystem}`, ...quiet, this.#image);
    this.mount("-o", "loop");
  }

  protected override mount(...words: readonly string[]): void {
    super.mount(...words, this.#image);
  }

  /** Whatever the file system has not yet committed to its disk is gone, as by a power cut. */
  cut(): void {
    command("xfs_io", "-x", "-c", "shutdown", this.folder);
  }

  /**
   * Mounts what is left, in the same place. Nothing may use the file system any more.
   * It is a copy: the kernel might still know the dead one.
   */
  async revive(): Promise<void> {
    const copy = `${this.#image}.${++this.#lives}`;
    await this.unmount();
    command("cp", "--sparse=always", this.#image, copy);
    rmSync(this.#image);
    this.#image = copy;
    this.mount("-o", "loop");
  }
}

function command(program: string, ...words: readonly string[]): void {
  execFileSync(programPath(program), words, { stdio: ["ignore", "pipe", "pipe"] });
}

function succeeds(program: string, ...words: readonly string[]): boolean {
  try {
    command(program, ...words);
    return true;
  } catch {
    return false;
  }
}
