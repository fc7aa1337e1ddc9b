/**
 * Reading that a bad sector does not stop: its bytes come back as zeros, and the
 * record that they belonged to then fails its checksum, alone.
 */
import { FilesError, type ReadableFile } from "#base/ports/files.ts";

/** What a disk reads at once; one such piece is lost when it cannot be read. */
const PAGE_BYTES = 4096;

export interface TolerantlyRead {
  readonly bytes: Uint8Array;
  /** False if some of them are zeros because the disk cannot read them. */
  readonly isWhole: boolean;
}

/** Reads like `file.read`, with zeros for the pages that the disk cannot read. @throws {FilesError} */
export async function tolerantRead(
  file: ReadableFile,
  offset: number,
  length: number,
): Promise<TolerantlyRead> {
  try {
    return { bytes: await file.read(offset, length), isWhole: true };
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "EIO") throw error;
  }
  const pages: Uint8Array[] = [];
  for (let at = 0; at < length; at += PAGE_BYTES) {
    const wanted = Math.min(PAGE_BYTES, length - at);
    try {
      const page = await file.read(offset + at, wanted);
      pages.push(page);
      if (page.length < wanted) break;
    } catch (error) {
      if (!(error instanceof FilesError) || error.code !== "EIO") throw error;
      pages.push(new Uint8Array(wanted));
    }
  }
  return { bytes: Buffer.concat(pages), isWhole: false };
}
