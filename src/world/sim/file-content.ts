/**
 * One simulated file's bytes: as processes see them, and as the disk has them.
 *
 * A change is durable once it was synced. Of each other change a power cut may
 * leave all, nothing, a prefix in sectors, or any of its sectors: the pages of a
 * file reach a disk in no promised order. What lies between is zeros.
 */
import type { SimRandom } from "./random.ts";

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** Something done to a file that a power cut may undo. Its bytes belong to it. */
export type Change =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly length: number };

export class FileContent {
  readonly #seen = new ByteImage();
  readonly #durable = new ByteImage();
  #pending: Change[] = [];

  get length(): number {
    return this.#seen.length;
  }

  /** Changes that are not durable yet, oldest first. */
  get pending(): readonly Change[] {
    return this.#pending;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#seen.read(offset, length);
  }

  apply(change: Change): void {
    this.#seen.apply(change);
    this.#pending.push(change);
  }

  /** Makes `change` and all before it durable. */
  harden(change: Change | undefined): void {
    const count = change === undefined ? 0 : this.#pending.indexOf(change) + 1;
    for (const each of this.#pending.splice(0, count)) this.#durable.apply(each);
  }

  /**
   * A sync failed: what did not reach the disk never will, although it can still
   * be read and the next sync says that all is well (as Linux does).
   */
  forsakePending(random: SimRandom): void {
    for (const change of this.#pending) tearOnto(this.#durable, change, random);
    this.#pending = [];
  }

  /** A new file with what a power cut now would leave of this one; all of it durable. */
  afterPowerCut(random: SimRandom): FileContent {
    const found = new FileContent();
    found.#durable.apply({ kind: "write", offset: 0, bytes: this.#durable.all() });
    for (const change of this.#pending) tearOnto(found.#durable, change, random);
    found.#seen.apply({ kind: "write", offset: 0, bytes: found.#durable.all() });
    return found;
  }
}

/** A growing byte array in which gaps read as zeros. */
class ByteImage {
  #bytes = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  all(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, Math.min(this.#length, offset + length));
  }

  apply(change: Change): void {
    if (change.kind === "truncate") {
      this.#bytes.fill(0, Math.min(change.length, this.#length), this.#length);
      this.#reserve(change.length);
      this.#length = change.length;
      return;
    }
    if (change.bytes.length === 0) return;
    const end = change.offset + change.bytes.length;
    this.#reserve(end);
    this.#bytes.set(change.bytes, change.offset);
    this.#length = Math.max(this.#length, end);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.#bytes.length * 2));
    grown.set(this.all());
    this.#bytes = grown;
  }
}

/** Applies as much of `change` as a power cut leaves. */
function tearOnto(image: ByteImage, change: Change, random: SimRandom): void {
  const fate = random.pick(["lost", "whole", "prefix", "sectors"]);
  if (fate === "lost") return;
  if (fate === "whole" || change.kind === "truncate") return image.apply(change);
  const all = sectors(change.offset, change.bytes);
  const kept =
    fate === "prefix"
      ? all.slice(0, random.below(all.length + 1))
      : all.filter(() => random.chance(50));
  // The length may be on disk before the bytes are.
  const end = change.offset + change.bytes.length;
  if (fate === "sectors" && end > image.length && random.chance(50)) {
    image.apply({ kind: "truncate", length: end });
  }
  for (const piece of kept) image.apply(piece);
}

/** A write cut where sectors of the file begin. */
function sectors(offset: number, bytes: Uint8Array): readonly Change[] {
  const pieces: Change[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = SECTOR_BYTES - ((offset + at) % SECTOR_BYTES);
    const piece = bytes.subarray(at, at + length);
    pieces.push({ kind: "write", offset: offset + at, bytes: piece });
    at += piece.length;
  }
  return pieces;
}
