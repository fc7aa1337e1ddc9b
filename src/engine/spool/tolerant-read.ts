/**
 * Reading that a bad sector does not stop: its bytes come back as zeros, and the
 * record that they belonged to then fails its checksum, alone.
 */
import { FilesError, type OpenFile } from "#base/ports/files.ts";

/** What a disk reads at once; one such piece is lost when it cannot be read. */
const PAGE_BYTES = 4096;

/** Reads like `file.read`, with zeros for the pages that the disk cannot read. @throws {FilesError} */
export async function tolerantRead(
  file: OpenFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  try {
    return await file.read(offset, length);
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
  return Buffer.concat(pages);
}
