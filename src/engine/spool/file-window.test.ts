import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError, type ReadableFile } from "#base/ports/files.ts";
import { FileWindow } from "./file-window.ts";

const PAGE = 4096;

/** Three pages, each of which is full of its number; `unreadable` cannot be read. Counts reads. */
function pages(unreadable?: number): ReadableFile & { readonly reads: number } {
  let reads = 0;
  return {
    get reads() {
      return reads;
    },
    async read(offset, length) {
      reads++;
      const bytes = new Uint8Array(Math.max(0, Math.min(length, 3 * PAGE - offset)));
      for (let at = 0; at < bytes.length; at++) {
        const page = Math.floor((offset + at) / PAGE);
        if (page === unreadable) throw new FilesError("EIO", `Cannot read page ${page}`);
        bytes[at] = page;
      }
      return bytes;
    },
  };
}

test("what is in the window is read without the file, and belongs to its reader", async () => {
  const file = pages();
  const window = new FileWindow(file, 2 * PAGE);
  await window.view(0, 10);
  const read = await window.read(PAGE, 3);
  assert.deepEqual([...read], [1, 1, 1]);
  assert.equal(read.buffer.byteLength, 3);
  assert.equal(file.reads, 1);
  assert.deepEqual([...(await window.read(2 * PAGE - 1, 2))], [1, 2]);
  assert.equal(file.reads, 2);
});

test("a page that the disk cannot read is zeros to who views it, and an error to who reads it", async () => {
  const window = new FileWindow(pages(1), 3 * PAGE);
  await window.view(0, 1);
  assert.deepEqual([...(await window.view(PAGE, 3))], [0, 0, 0]);
  assert.deepEqual([...(await window.view(2 * PAGE, 2))], [2, 2]);
  await assert.rejects(window.read(PAGE, 2), { code: "EIO" });
  assert.deepEqual([...(await window.read(2 * PAGE, 2))], [2, 2]);
});
