import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import { TemporaryBody } from "./sendmail-store.ts";

async function read(body: TemporaryBody): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body.chunks()) pieces.push(piece);
  return Buffer.concat(pieces);
}

for (const count of [0, 1, 3, 40]) {
  test(`a body of ${count} pieces is read as often as it is asked for, and leaves no name`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "postrider-body-"));
    const pieces = Array.from({ length: count }, (_, index) => Buffer.alloc(100_000, index));
    using body = new TemporaryBody(folder);
    for (const piece of pieces) body.add(piece);
    assert.equal(body.bytes, count * 100_000);
    assert.ok((await read(body)).equals(Buffer.concat(pieces)));
    assert.ok((await read(body)).equals(Buffer.concat(pieces)));
    assert.deepEqual(readdirSync(folder), []);
    rmdirSync(folder);
  });
}

test("a large body without a folder to keep it in is a fault of files", () => {
  using body = new TemporaryBody("/nonexistent");
  body.add(Buffer.alloc(1024 * 1024));
  assert.throws(
    () => body.add(Buffer.alloc(1)),
    (error) => error instanceof FilesError && error.code === "ENOENT",
  );
});
