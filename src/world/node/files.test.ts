import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { filesContract } from "#world/sim/files-contract.ts";
import { nodeFiles, withoutFirst } from "./files.ts";
import { filesAtOnce, filesTogether } from "./files-at-once.ts";

for (const [name, files] of [
  ["files", nodeFiles()],
  ["files whose calls are waited for", filesAtOnce()],
  ["files of which syncs alone are not waited for", filesTogether()],
] as const) {
  filesContract(name, async () => {
    const folder = await mkdtemp(`${tmpdir()}/postrider-files-`);
    return {
      files,
      folder,
      plantSymlink: (path) => symlink(`${folder}/elsewhere`, path),
      dispose: () => rm(folder, { recursive: true }),
    };
  });
}

test("a short write goes on where it stopped", () => {
  const chunks = ["ab", "", "cde", "f"].map((text) => Buffer.from(text));
  const lefts = [0, 1, 2, 4, 5, 6].map((count) =>
    withoutFirst(chunks, count).map((chunk) => Buffer.from(chunk).toString()),
  );
  assert.deepEqual(lefts, [
    ["ab", "", "cde", "f"],
    ["b", "", "cde", "f"],
    ["cde", "f"],
    ["e", "f"],
    ["f"],
    [],
  ]);
});
